"""A label map: which number or colour of a mask file stands for which class, there and back."""

import dataclasses

import numpy as np

KINDS = ("identity", "values", "colors", "instances")

# Values up to here are looked up in a table; larger ones are searched.
TABLE = 1 << 16


@dataclasses.dataclass(frozen=True)
class LabelMap:
    """Which value of a mask file stands for which class.

    Args:
        kind: `"identity"`: the files hold 0, 1, 2, ..., the classes themselves. `"values"`: other numbers, as 0 and
            255. `"colors"`: one colour per class. `"instances"`: a number (or colour) per object: all of them
            are the one class `object`.
        values: For each class, the background first, the number in the file, or the colour `(red, green, blue)`.
        class_names: Name of each class, the background first. By default `background`, `class 1`, `class 2`, ...
        palette: Colours that the files give to the numbers, which masks get too, or `None`.

    Raises:
        ValueError: If the kind is unknown, or values and names do not fit together.
    """

    kind: str
    values: tuple
    class_names: tuple[str, ...] = ()
    palette: tuple | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"`kind` of a label map must be one of {', '.join(KINDS)}, but it is {self.kind!r}.")
        colours = np.ndim(self.values) == 2
        values = tuple(tuple(int(p) for p in value) if colours else int(value) for value in self.values)
        if len(values) < 2 or len(set(values)) != len(values) or (self.kind == "colors") > colours:
            raise ValueError(
                "`values` of a label map must be one different value (or colour, for the kind 'colors') for each of at "
                f"least two classes, the background first, but they are {self.values!r}."
            )
        if self.kind == "identity" and values != tuple(range(len(values))):
            raise ValueError(f"`values` of the kind 'identity' must be 0, 1, 2, ..., but they are {values}.")
        names = tuple(self.class_names) or _default_names(self.kind, values)
        if len(names) != len(values):
            raise ValueError(f"{len(values)} classes need as many `class_names`, but these are {len(names)}: {names}.")
        palette = self.palette and tuple(tuple(int(part) for part in colour) for colour in self.palette)
        for field, value in (("values", values), ("class_names", names), ("palette", palette)):
            object.__setattr__(self, field, value)

    @classmethod
    def identity(cls, num_classes, class_names=()):
        """The map of files that hold the classes themselves: 0 for the background, 1, 2, ...

        Args:
            num_classes: Number of classes, the background counted.
            class_names: Name of each class, the background first.
        """
        return cls("identity", tuple(range(num_classes)), tuple(class_names))

    @property
    def num_classes(self):
        """Number of classes, the background counted."""
        return len(self.values)

    @property
    def colours(self):
        """Whether the files hold colours."""
        return np.ndim(self.values) == 2

    def to_classes(self, raw, path="the label"):
        """Return the class of each voxel.

        Args:
            raw: Array `[*spatial]` of integers, or colours `[*spatial, 3]`, as the file holds them.
            path: What an error names.

        Returns:
            Array `[*spatial]`, uint8, or int32 where there are more than 256 classes.

        Raises:
            ValueError: If there is a value that the map does not know; the message names file and value.
        """
        raw = np.asarray(raw)
        raw = raw.astype("uint8") if raw.dtype == bool else raw  # booleans would not look values up but choose them
        known = np.array(self.values)
        if self.colours:
            raw, known = pack(raw), pack(known.astype("uint8"))
        elif raw.dtype.kind not in "iu":
            raise ValueError(f"{path}: a label must hold integers or colours of 8 bits, but its type is {raw.dtype}.")
        if self.kind == "instances":
            return (raw != known[0]).astype("uint8")
        classes = _look_up(raw, known)
        unknown = classes < 0
        if unknown.any():
            value = raw[unknown][0]
            shown = unpack(value) if self.colours else int(value)
            raise ValueError(
                f"{path}: the label holds {_text(shown)} ({np.count_nonzero(unknown)} voxels), which is none of the "
                f"known values {', '.join(_text(value) for value in self.values)}. Correct the file, or scan all "
                "labels anew if this value is a class."
            )
        return classes.astype("uint8" if self.num_classes <= 256 else "int32")

    def to_values(self, classes):
        """Return what a file of the same kind holds for each voxel.

        Args:
            classes: Array `[*spatial]` of integers, the class of each voxel.

        Returns:
            Array `[*spatial]` of the smallest unsigned type that holds all values, or colours `[*spatial, 3]`, uint8.

        Raises:
            ValueError: If there is a class that the map does not know.
        """
        classes = np.asarray(classes)
        low, high = int(classes.min(initial=0)), int(classes.max(initial=0))
        if classes.dtype.kind not in "iub" or low < 0 or high >= self.num_classes:
            raise ValueError(
                f"Classes must be integers from 0 to {self.num_classes - 1}, but these are {classes.dtype} from {low} "
                f"to {high}."
            )
        if self.colours:
            return np.array(self.values, dtype="uint8")[classes.astype("intp")]
        top = max(self.values)
        dtype = "uint8" if top < 256 else "uint16" if top < 1 << 16 else "int32"
        if self.kind == "identity":
            return classes.astype(dtype)
        return np.array(self.values, dtype=dtype)[classes.astype("intp")]

    def describe(self):
        """Return lines of text that tell how values become classes, for people."""
        if self.kind == "instances":
            return [
                f"The labels number single objects: all of them become the one class '{self.class_names[1]}'. If the "
                "numbers are classes instead, name them in a dataset.json beside the images: "
                '{"labels": {"background": 0, "liver": 1}}.'
            ]
        lines = []
        if self.kind == "identity":
            lines.append(f"{self.num_classes} classes: " + ", ".join(map(_numbered, range(99), self.class_names)))
        else:
            what = "Colours" if self.kind == "colors" else "Values"
            lines.append(f"{what} of the labels are mapped to {self.num_classes} classes, and back in predictions:")
            lines += [
                f"  {_text(value)} -> {number} {name}"
                for number, (value, name) in enumerate(zip(self.values, self.class_names))
            ]
        if not self.colours and self.values[0] != 0:
            lines.append(f"No label holds 0: the most frequent value, {self.values[0]}, is taken for the background.")
        if self.colours and self.values[0] != (0, 0, 0):
            lines.append(f"No label is black: the most frequent colour, {_text(self.values[0])}, is the background.")
        number = self.num_classes - 1
        if number > 1 and self.values == (*range(number), 255):
            lines.append(f"255 often marks voxels to leave out: the loss option `ignore_class={number}` does that.")
        return lines

    def to_dict(self):
        """Return plain data, as JSON and TOML hold them."""
        plain = {"kind": self.kind, "values": _lists(self.values), "class_names": list(self.class_names)}
        return plain if self.palette is None else plain | {"palette": _lists(self.palette)}

    @classmethod
    def from_dict(cls, data):
        """Return the label map of `to_dict`.

        Args:
            data: Dict.

        Raises:
            ValueError: If a key is missing or a value is none of a label map.
        """
        missing = [key for key in ("kind", "values") if key not in data]
        if missing:
            raise ValueError(f"A label map needs the keys `kind` and `values`, but {data!r} lacks {missing}.")
        palette = data.get("palette")
        return cls(data["kind"], tuple(data["values"]), tuple(data.get("class_names", ())), palette and tuple(palette))


def pack(colours):
    """Colours `[*shape, 3]` as one integer each; grey values `[*shape]` as the colour that they show as."""
    colours = np.asarray(colours)
    if colours.ndim and colours.shape[-1] == 3 and colours.dtype == np.uint8:
        parts = np.moveaxis(colours, -1, 0).astype("int32")
        return (parts[0] << 16) | (parts[1] << 8) | parts[2]
    return np.asarray(colours, dtype="int32") * 0x010101


def unpack(number):
    """The colour `(red, green, blue)` of a packed integer."""
    return (int(number) >> 16 & 255, int(number) >> 8 & 255, int(number) & 255)


def _look_up(raw, known):
    """Index of each value among the known ones, -1 where it is none of them."""
    if known.max() < TABLE and raw.size and raw.max() < TABLE and raw.min() >= 0:
        table = np.full(max(int(known.max()), int(raw.max())) + 1, -1, "int32")
        table[known] = np.arange(len(known))
        return table[raw]
    order = np.argsort(known)
    places = np.searchsorted(known[order], raw).clip(max=len(known) - 1)
    found = order[places]
    return np.where(known[found] == raw, found, -1)


def _default_names(kind, values):
    if kind == "instances":
        return ("background", "object")
    if kind == "colors":
        return ("background", *(_text(value) for value in values[1:]))
    return ("background", *(f"class {number}" for number in range(1, len(values))))


def _text(value):
    """A number as it is, a colour as `#ff0000`."""
    return "#{:02x}{:02x}{:02x}".format(*value) if isinstance(value, tuple) else str(value)


def _numbered(number, name):
    return f"{number} {name}"


def _lists(values):
    return [list(value) if isinstance(value, tuple) else value for value in values]
