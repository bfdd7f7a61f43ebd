"""The size of a voxel in a TIFF: ImageJ and OME write it down, each in its own way."""

import xml.etree.ElementTree

MILLIMETRES = {
    "nm": 1e-6,
    "nanometer": 1e-6,
    "um": 1e-3,
    "µm": 1e-3,
    "μm": 1e-3,  # the Greek letter, where the line above has the micro sign
    "\\u00b5m": 1e-3,
    "micron": 1e-3,
    "microns": 1e-3,
    "micrometer": 1e-3,
    "mm": 1.0,
    "millimeter": 1.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "m": 1e3,
    "meter": 1e3,
    "inch": 25.4,
    "in": 25.4,
}


def read(file):
    """The voxel size of an open TIFF file.

    A plain TIFF has dots per inch for a printer at best, which say nothing of the object: its size is 1.

    Args:
        file: `tifffile.TiffFile`.

    Returns:
        Tuple of the spacing along slices, rows and columns in millimetres, and a dict that `add` takes.
    """
    if file.is_imagej:
        return _read_imagej(file)
    if file.is_ome:
        return _read_ome(file)
    page = file.pages[0]
    resolution = [_number(page, name) for name in ("XResolution", "YResolution")]
    unit = page.tags.get("ResolutionUnit")
    known = all(resolution) and unit is not None
    return (1.0, 1.0, 1.0), {"resolution": tuple(resolution), "unit": int(unit.value)} if known else {}


def add(options, kind, stored):
    """Add the voxel size to the options of `tifffile.imwrite`.

    Args:
        options: Dict of options; `metadata` is in it.
        kind: `"imagej"`, `"ome"` or `"plain"`.
        stored: What `read` returned for the image.
    """
    if kind in ("imagej", "ome"):
        options["metadata"] |= stored.get("metadata", {})
    if "resolution" in stored:
        options["resolution"] = stored["resolution"]
    if "unit" in stored and kind != "imagej":
        options["resolutionunit"] = stored["unit"]


def _read_imagej(file):
    metadata = file.imagej_metadata or {}
    page = file.pages[0]
    per_unit = [_number(page, name) for name in ("XResolution", "YResolution")]
    text = str(metadata.get("unit", "")).strip()
    unit = page.tags.get("ResolutionUnit")
    if not all(per_unit) or (not text and unit is not None and int(unit.value) > 1):
        per_unit = [1.0, 1.0]  # without a unit, inches are a printer's
    factor = MILLIMETRES.get(text.lower(), 1.0)
    # ImageJ leaves out a depth of 1.
    depth = abs(float(metadata.get("spacing", 1.0))) or 1.0
    spacing = (depth * factor, factor / per_unit[1], factor / per_unit[0])
    kept = {key: metadata[key] for key in ("spacing", "unit") if key in metadata}
    return spacing, {"metadata": kept, "resolution": tuple(per_unit)}


def _read_ome(file):
    root = xml.etree.ElementTree.fromstring(file.ome_metadata)
    pixels = next((node for node in root.iter() if node.tag.rpartition("}")[2] == "Pixels"), None)
    kept = {} if pixels is None else dict(pixels.attrib)
    kept = {
        key: value if key.endswith("Unit") else float(value)
        for key, value in kept.items()
        if key.startswith("PhysicalSize")
    }
    sizes = []
    for axis in "ZYX":
        size = kept.get(f"PhysicalSize{axis}")
        factor = MILLIMETRES.get(kept.get(f"PhysicalSize{axis}Unit", "µm").lower(), 1.0)
        sizes.append(size * factor if size else None)
    across = sizes[2] or sizes[1] or 1.0
    return tuple(size or across for size in sizes), {"metadata": kept}


def _number(page, name):
    """A rational tag as a float, or `None` where it is missing or 0."""
    tag = page.tags.get(name)
    if tag is None:
        return None
    above, below = tag.value
    return above / below if below and above else None
