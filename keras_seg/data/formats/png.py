"""PNG: pictures in grey, colour or with a palette."""

import numpy as np

from keras_seg.data.formats.stored import Stored, Unusable

ENDINGS = (".png",)


def read(path, label=False, channels=None):
    """Read a PNG file. The indices of a palette are what a label holds; of an image its colours are taken.

    Args:
        path: `pathlib.Path`.
        label: Whether it is a label.
        channels: Not used: the file says how many it has.

    Returns:
        `Stored`.
    """
    import PIL.Image

    try:
        opened = PIL.Image.open(path, formats=["PNG"])
    except PIL.Image.DecompressionBombError as error:
        raise Unusable(
            f"the picture is larger than Pillow opens ({error}). Cut it into tiles, or save it as TIFF"
        ) from None
    with opened as picture:
        picture.load()
        palette = None
        if picture.mode == "P" and label:
            colours = (picture.getpalette("RGB") + [0] * 768)[:768]
            palette = tuple(zip(colours[0::3], colours[1::3], colours[2::3]))
        elif picture.mode == "P":
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        array = np.asarray(picture)
        return Stored(array, (1.0, 1.0), palette=palette, alpha=array.ndim == 3 and array.shape[-1] in (2, 4))


def write(path, array, frame, palette=None):
    """Write a label.

    Args:
        path: `pathlib.Path`.
        array: Array `[*spatial]` of uint8 or uint16, or colours `[*spatial, 3]` of uint8.
        frame: Not used: the format knows no voxel size.
        palette: Colours of the indices, or `None` for grey.
    """
    import PIL.Image

    picture = PIL.Image.fromarray(array)
    if palette is not None and array.dtype == np.uint8 and array.ndim == 2:
        picture = PIL.Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette([part for colour in palette for part in colour])
    picture.save(path, format="PNG")
