"""The data sets of the benchmarks: those that are there, and those that are derived, each once."""

import shutil

from command import run

# From which data a set is derived, and the options of `keras-seg derive`.
DERIVED = {
    "organ": ("hippocampus", "--merge", "1", "2"),
    "borders": ("nuclei", "--border", "2"),
    "lesions": ("phantoms", "--keep", "3"),
}
PHANTOMS = ("--cases", "60", "--shape", "48", "48", "48", "--classes", "4", "--foreground", "0.02")


def data_set(name, data, work):
    """Return the folder of a data set, derived if need be.

    Args:
        name: Such as `hippocampus` or `lesions`.
        data: Folder of the real data.
        work: Folder for what is derived.
    """
    if name not in DERIVED:
        return data / name
    source, *options = DERIVED[name]
    if source == "phantoms":
        source = _made("phantoms", work / "data" / "phantoms", *PHANTOMS)
    else:
        source = data / source
    return _made(source, work / "data" / name, *options)


def _made(source, folder, *options):
    """Write a data set under another name first: one that is half there must not look whole."""
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        run("derive", source, unfinished, *options)
        unfinished.rename(folder)
    return folder
