"""Which formats there are, and what to do with a file of another one."""

import pathlib

from keras_seg.data.formats import nifti, numpy_arrays, png, tiff

FORMATS = (nifti, png, tiff, numpy_arrays)

# Longer endings first: `.nii.gz`, `.ome.tif`.
EXTENSIONS = tuple(ending for format_ in FORMATS for ending in format_.ENDINGS)

DICOM = (
    "this is DICOM, one file per slice. Convert each series to NIfTI with dcm2niix, for example "
    "`dcm2niix -z y -f %i_%s -o images/ DICOM_FOLDER`"
)
SIMPLEITK = (
    "this is {kind}. Convert it to NIfTI with SimpleITK, for example "
    '`SimpleITK.WriteImage(SimpleITK.ReadImage("{name}"), "{stem}.nii.gz")`'
)
NIBABEL = (
    "this is {kind}. Convert it to NIfTI with nibabel, for example "
    '`nibabel.save(nibabel.Nifti1Image.from_image(nibabel.load("{name}")), "{stem}.nii.gz")`'
)
PILLOW = (
    "this is {kind}. Convert images to PNG with Pillow, for example "
    '`PIL.Image.open("{name}").save("{stem}.png")`; {remark}'
)
FIJI = "this is {kind}, a microscope's own format. Open it in Fiji (Bio-Formats) and save each image as TIFF"
JPEG = "masks must never have been JPEG, which smears their edges"
OTHERS = {
    DICOM: {".dcm": "", ".dicom": "", ".ima": ""},
    SIMPLEITK: {".nrrd": "NRRD", ".nhdr": "NRRD", ".mha": "MetaImage", ".mhd": "MetaImage", ".vtk": "VTK"},
    NIBABEL: {".mgz": "FreeSurfer's format", ".mgh": "FreeSurfer's format", ".img": "Analyze", ".hdr": "Analyze"},
    PILLOW: {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WebP", ".jp2": "JPEG 2000"},
    FIJI: {".czi": "CZI", ".lif": "LIF", ".nd2": "ND2", ".oib": "OIB", ".oif": "OIF", ".svs": "SVS"},
}


def extension(path):
    """The supported extension of a path, in lower case, or `None` where the format is not supported."""
    name = pathlib.Path(path).name.lower()
    return next((ending for ending in EXTENSIONS if name.endswith(ending) and name != ending), None)


def stem(path):
    """The name of a file without its supported extension."""
    name = pathlib.Path(path).name
    return name[: len(name) - len(extension(path) or "")]


def format_of(path):
    """The module that reads and writes a file.

    Args:
        path: `pathlib.Path`.

    Raises:
        ValueError: If the format is not supported; the message names the converter to run.
    """
    ending = extension(path)
    if ending is None:
        raise ValueError(f"{path}: {advice(path)}")
    return next(format_ for format_ in FORMATS if ending in format_.ENDINGS)


def advice(path):
    """Say what a file of an unsupported format is, and how to convert it."""
    path = pathlib.Path(path)
    for text, kinds in OTHERS.items():
        kind = kinds.get(path.suffix.lower())
        if kind is not None:
            remark = JPEG if kind == "JPEG" else "masks likewise"
            return text.format(kind=kind, name=path.name, stem=path.stem, remark=remark) + "."
    if is_dicom(path):
        return DICOM + "."
    return (
        f"this file format is not supported. Supported are {', '.join(EXTENSIONS)}. Convert the file, or move it out "
        "of the folder."
    )


def is_dicom(path):
    """Whether a file is DICOM by its content: such files often have no extension."""
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
