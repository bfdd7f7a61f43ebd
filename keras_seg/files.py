"""Files that are never half-written, and what is said when a disk is full or a folder cannot be written to."""

import contextlib
import errno
import os
import pathlib

HINTS = {
    errno.ENOSPC: "the disk is full. Free some space there, or write somewhere else; what stood there before is kept",
    errno.EDQUOT: "your disk quota is used up. Free some space, or write elsewhere; what stood there before is kept",
    errno.EACCES: "no permission to write there. Change the folder's permissions, or write somewhere else",
    errno.EPERM: "no permission to write there. Change the folder's permissions, or write somewhere else",
    errno.EROFS: "this file system is read-only. Write somewhere else",
    errno.ENOTDIR: "a part of this path is a file and not a folder. Choose another path",
    errno.EEXIST: "a part of this path is a file and not a folder. Choose another path",
}


@contextlib.contextmanager
def replacing(path):
    """Give a temporary path to write to, which takes the place of `path` when it is complete.

    The temporary file stands in the same folder, which is made if it is missing, and ends as `path` does. If writing
    fails, it is removed and what stood at `path` before is kept. What it holds is on the disk before it gets its name,
    so that a crash of the machine leaves the old file or the new one.

    Args:
        path: Path of the file to write.

    Raises:
        OSError: If the disk is full or the folder cannot be written to; the message names the path and what to do.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            # For writing too, or Windows refuses.
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(path):
    """Turn what the operating system says of a path that cannot be written into one clear `OSError`.

    Args:
        path: What the message names.
    """
    try:
        yield
    except OSError as error:
        hint = HINTS.get(error.errno)
        if hint is None or str(error).startswith(f"{path}: "):
            raise
        raise type(error)(f"{path}: {hint}.") from error


def write_text(path, content):
    """Write a text file in one step, as UTF-8.

    Args:
        path: Path of the file.
        content: Text.
    """
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="")


def make_folder(path):
    """Make a folder with its parents, if it is missing, and check that files can be written into it.

    Args:
        path: Path of the folder.

    Returns:
        The `pathlib.Path`.

    Raises:
        OSError: If it cannot be made or written to; the message names it and what to do.
    """
    path = pathlib.Path(path)
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".{os.getpid()}.probe"
        try:
            probe.touch()
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
    return path


def to_toml(tables):
    """Return TOML for `{table: {key: value}}`.

    Args:
        tables: Dict of dicts of numbers, texts, booleans, lists and dicts; NumPy's numbers too. An entry that is
            `None` is left out: TOML knows no empty value.
    """
    import tomlkit

    return tomlkit.dumps(_plain(tables))


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value if isinstance(value, (bool, int, float)) else str(value)
