"""What an augmentation keeps: the values of a label, the place of things, and all of it when everything is off."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from scipy import ndimage

from keras_seg.data.augmentation import Augmentation

PRESETS = ("none", "light", "default", "strong")
SHAPES = {2: (48, 40), 3: (24, 32, 20)}
SPATIAL = {
    "rotation": {"rotation": 180, "rotation_probability": 1},
    "scale": {"scale": (0.7, 1.4), "scale_probability": 1},
    "elastic": {"elastic": 0.4, "elastic_probability": 1},
}


def blobs(shape, seed=0, values=(0, 1, 3, 7)):
    """Return a smooth image `[*shape, 2]` and a label with four values in it."""
    noise = np.random.default_rng(seed).normal(size=(*shape, 2))
    smooth = ndimage.gaussian_filter(noise, (*[3] * len(shape), 0)).astype("float32")
    smooth /= smooth.std()
    return smooth, np.asarray(values, "uint8")[np.digitize(smooth[..., 0], (-0.7, 0.3, 1.0))]


def millimetres(shape, spacing):
    """Return an image whose channels are each voxel's own place, in millimetres from the centre."""
    lines = [(np.arange(size) - (size - 1) / 2) * step for size, step in zip(shape, spacing)]
    return np.stack(np.meshgrid(*lines, indexing="ij"), -1).astype("float32")


def away_from_edges(label, distance):
    size = 2 * distance + 1
    # What lies outside the patch is not known: its border counts as an edge.
    return ndimage.maximum_filter(label, size, mode="constant", cval=255) == ndimage.minimum_filter(label, size)


def inner(array, rank):
    """Return the part in the middle that a moved patch has not from outside the image."""
    return array[tuple(slice(size // 3, -(size // 3)) for size in array.shape[:rank])]


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("augmentation", [Augmentation(), "none"])
def test_nothing_changes_when_everything_is_off(augmentation, rank):
    if augmentation == "none":
        augmentation = Augmentation.preset("none", rank)
    image, label = blobs(SHAPES[rank])
    new_image, new_label = augmentation(image, label, np.random.default_rng(0))
    np.testing.assert_array_equal(new_image, image)
    np.testing.assert_array_equal(new_label, label)
    assert new_image.dtype == np.float32
    assert new_label.dtype == np.uint8
    assert not np.shares_memory(new_image, image)
    assert not np.shares_memory(new_label, label)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("preset", PRESETS)
def test_label_keeps_its_values_and_the_arrays_their_shapes(preset, rank):
    image, label = blobs(SHAPES[rank])
    before = image.copy(), label.copy()
    for seed in range(20):
        pixels, classes = Augmentation.preset(preset, rank)(image, label, np.random.default_rng(seed))
        assert pixels.shape == image.shape
        assert classes.shape == label.shape
        assert pixels.dtype == np.float32
        assert classes.dtype == label.dtype
        assert np.isfinite(pixels).all()
        assert set(np.unique(classes)) <= {0, 1, 3, 7}
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(label, before[1])


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("border", ["zero", "mirror"])
@pytest.mark.parametrize("kind", [*SPATIAL, "flip", "all"])
def test_image_and_label_stay_aligned(kind, border, rank):
    fields = {key: value for name, part in SPATIAL.items() if kind in (name, "all") for key, value in part.items()}
    if kind in ("flip", "all"):
        fields["flip"] = (0.5,) * rank
    _, label = blobs(SHAPES[rank], values=(0, 0, 3, 3))
    image = label[..., None].astype("float32")
    moved = 0
    for seed in range(10):
        pixels, classes = Augmentation(**fields, border=border)(image, label, np.random.default_rng(seed))
        plain = away_from_edges(classes, 2)
        assert plain.any()
        np.testing.assert_allclose(pixels[plain, 0], classes[plain], atol=1e-4)
        moved += (classes != label).any()
    assert moved >= 5


@pytest.mark.parametrize("rank", [2, 3])
def test_flips_are_exact_and_along_the_axes_that_were_asked_for(rank):
    image, label = blobs(SHAPES[rank])
    for axis in range(rank):
        flip = tuple(float(each == axis) for each in range(rank))
        pixels, classes = Augmentation(flip=flip)(image, label, np.random.default_rng(0))
        np.testing.assert_array_equal(pixels, np.flip(image, axis))
        np.testing.assert_array_equal(classes, np.flip(label, axis))


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 2.0), (1.0, 1.0, 1.0), (0.7, 1.0, 2.0)])
def test_rotation_keeps_distances_in_millimetres(spacing):
    shape = (60, 60) if len(spacing) == 2 else (40, 40, 40)
    place = millimetres(shape, spacing)
    label = np.zeros(shape, "uint8")
    for seed in range(5):
        augmentation = Augmentation(rotation=180, rotation_probability=1)
        found, _ = augmentation(place, label, np.random.default_rng(seed), spacing)
        assert np.abs(inner(found - place, len(shape))).max() > 1
        lengths = [inner(np.linalg.norm(each, axis=-1), len(shape)) for each in (found, place)]
        inside = lengths[1] < min(np.multiply(shape, spacing)) / 2 - max(spacing)
        np.testing.assert_allclose(lengths[0][inside], lengths[1][inside], atol=1e-3)


def test_rotation_stays_within_its_angle():
    place, label = millimetres((40, 40), (1, 1)), np.zeros((40, 40), "uint8")
    angles = []
    for seed in range(200):
        found, _ = Augmentation(rotation=30, rotation_probability=1)(place, label, np.random.default_rng(seed))
        # One step along the first axis, seen in the image.
        step = found[21, 20] - found[20, 20]
        angles.append(np.degrees(np.arctan2(step[1], step[0])))
    assert -30 < min(angles) < -25
    assert 25 < max(angles) < 30


@pytest.mark.parametrize("rank", [2, 3])
def test_scale_grows_things_by_one_factor_within_its_range(rank):
    shape = SHAPES[rank]
    place, label = millimetres(shape, (1,) * rank), np.zeros(shape, "uint8")
    factors = []
    for seed in range(100):
        augmentation = Augmentation(scale=(0.7, 1.4), scale_probability=1)
        found, _ = augmentation(place, label, np.random.default_rng(seed))
        middle = tuple(size // 2 for size in shape)
        ratio = place[middle] / found[middle]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)
        factors.append(float(ratio[0]))
    assert 0.7 <= min(factors) < 0.75
    assert 1.3 < max(factors) <= 1.4 * (1 + 1e-3)
    assert 0.35 < np.mean(np.array(factors) > 1) < 0.65


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 2.5)])
def test_elastic_never_folds_and_moves_no_further_than_it_says(spacing):
    shape = (64, 64) if len(spacing) == 2 else (32, 32, 16)
    rank, cell = len(shape), max(np.multiply(shape, spacing)) / 4
    place, label = millimetres(shape, spacing), np.zeros(shape, "uint8")
    for seed in range(10):
        augmentation = Augmentation(elastic=0.4, elastic_probability=1)
        found, _ = augmentation(place, label, np.random.default_rng(seed), spacing)
        moved = np.abs(inner(found - place, rank))
        assert 0.05 * cell < moved.max() <= 0.4 * cell + 1e-3
        slopes = np.stack([np.stack(np.gradient(found[..., axis], *spacing), -1) for axis in range(rank)], -2)
        assert np.linalg.det(inner(slopes, rank)).min() > 0


@pytest.mark.parametrize("coarse", [0, 1, 2])
def test_slices_far_apart_are_never_mixed(coarse):
    shape, spacing = [28, 28, 28], [1.0, 1.0, 1.0]
    shape[coarse], spacing[coarse] = 8, 5.0
    number = np.arange(8, dtype="float32").reshape([-1 if axis == coarse else 1 for axis in range(3)])
    image = np.broadcast_to(number, shape)[..., None].astype("float32")
    fields = {key: value for part in SPATIAL.values() for key, value in part.items()}
    augmentation = Augmentation(**fields, blur=(1, 1), blur_probability=1, border="mirror")
    for seed in range(5):
        pixels, _ = augmentation(image, image[..., 0].astype("uint8"), np.random.default_rng(seed), spacing)
        np.testing.assert_allclose(pixels, image, atol=1e-4)
    # The fine plane is moved all the same.
    place = millimetres(shape, spacing)
    found, _ = augmentation(place, np.zeros(shape, "uint8"), np.random.default_rng(0), spacing)
    assert np.abs(np.delete(found - place, coarse, -1)).max() > 3


def test_each_part_happens_with_its_probability():
    image, label = blobs((12, 12))
    image = image[..., :1]
    parts = {
        "flip": {"flip": (0.3, 0.0)},
        "rotation": {"rotation": 20, "rotation_probability": 0.3},
        "scale": {"scale": (0.7, 0.8), "scale_probability": 0.3},
        "elastic": {"elastic": 0.3, "elastic_probability": 0.3},
        "brightness": {"brightness": (1.2, 1.3), "brightness_probability": 0.3},
        "contrast": {"contrast": (0.7, 0.8), "contrast_probability": 0.3},
        "gamma": {"gamma": (1.2, 1.3), "gamma_probability": 0.3},
        "inverted": {"gamma": (1.2, 1.3), "inverted_gamma_probability": 0.3},
        "blur": {"blur": (0.5, 1.0), "blur_probability": 0.3},
        "noise": {"noise": (0.1, 0.2), "noise_probability": 0.3},
    }
    generator = np.random.default_rng(0)
    for name, fields in parts.items():
        augmentation = Augmentation(**fields)
        changed = [not np.array_equal(augmentation(image, label, generator)[0], image) for _ in range(300)]
        assert 0.2 < np.mean(changed) < 0.4, name


def test_channels_get_amounts_of_their_own():
    image, label = blobs((16, 16))
    augmentation = Augmentation(brightness=(0.5, 1.5), brightness_probability=1)
    pixels, _ = augmentation(image, label, np.random.default_rng(0))
    factors = (pixels / image).reshape(-1, 2)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:1], factors.shape), rtol=1e-4)
    assert abs(factors[0, 0] - factors[0, 1]) > 0.01


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("preset", PRESETS)
def test_dictionary_goes_through_json_and_back(preset, rank):
    augmentation = Augmentation.preset(preset, rank)
    plain = json.loads(json.dumps(augmentation.to_dict()))
    assert Augmentation.from_dict(plain) == augmentation
    assert set(plain) == {field.name for field in dataclasses.fields(Augmentation)}
    assert Augmentation.from_dict({"rotation": 10}) == Augmentation(rotation=10.0)


def test_same_generator_state_gives_the_same_sample():
    image, label = blobs((24, 24))
    augmentation = Augmentation.preset("strong", 2)
    samples = [augmentation(image, label, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(samples[0][0], samples[1][0])
    np.testing.assert_array_equal(samples[0][1], samples[1][1])


def written(augmentation, field):
    """Return amounts and probability of a field as the page writes them; `inverted_gamma_probability` by itself."""
    if field == "flip":
        return f"{augmentation.flip[0]:g}"
    if field == "inverted_gamma_probability":
        return f"{augmentation.inverted_gamma_probability:g}"
    probability, value = getattr(augmentation, f"{field}_probability"), getattr(augmentation, field)
    amounts = " - ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else f"{value:g}"
    return f"{amounts}, {probability:g}" if probability else "0"


def test_table_of_the_page_is_the_presets():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "patches.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    rows = rows[[row[0] for row in rows].index("field") :]
    presets = rows[0][3:]
    assert presets == ["light", "default", "strong"]
    fields = {field.name for field in dataclasses.fields(Augmentation)}
    shown = set()
    for name, _, probability, *cells in rows[2:]:
        shown |= {name, probability} & fields
        field, rank = {"the same in 2D": ("rotation", 2), "": (probability, 3)}.get(name, (name, 3))
        if field != "border":
            assert cells == [written(Augmentation.preset(preset, rank), field) for preset in presets], field
    assert shown == fields
    flat = [Augmentation.preset(preset, 2) for preset in presets]
    assert {each.border for each in flat} == {"mirror"}
    # In 2D nothing else differs.
    for preset, each in zip(presets, flat):
        changes = {
            "flip": (0.5,) * 3,
            **{key: getattr(each, key) for key in ("rotation", "rotation_probability", "border")},
        }
        assert dataclasses.replace(Augmentation.preset(preset, 3), **changes) == dataclasses.replace(
            each, flip=(0.5,) * 3
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"flip": 0.5}, "`flip` must hold one probability"),
        ({"flip": (0.5, 2)}, "`flip` must hold one probability"),
        ({"rotation": 200}, "`rotation` must be a number from 0 to 180, but it is 200"),
        ({"rotation_probability": -0.1}, "`rotation_probability` must be a number from 0 to 1"),
        ({"blur_probability": True}, "`blur_probability` must be a number"),
        ({"elastic": 0.5}, "`elastic` must be a number from 0 to 0.4"),
        ({"scale": (1.4, 0.7)}, r"`scale` must be a range `\(low, high\)`"),
        ({"scale": (0.0, 1.4)}, "0.1 or more"),
        ({"gamma": 1.4}, r"`gamma` must be a range `\(low, high\)`"),
        ({"noise": (0, float("nan"))}, "`noise` must be a range"),
        ({"border": "reflect"}, "`border` must be 'zero' or 'mirror', but it is 'reflect'"),
        ({"rotate": 3}, "no field 'rotate'; did you mean 'rotation'"),
        ({"xyz": 3}, "no field 'xyz'; the fields are flip, rotation"),
    ],
)
def test_a_wrong_field_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation.from_dict(fields)


def test_an_unknown_preset_or_rank_is_named():
    with pytest.raises(ValueError, match=r"no augmentation preset 'heavy'\. Choose one of 'none', 'light'"):
        Augmentation.preset("heavy", 2)
    with pytest.raises(ValueError, match="must be 2 or 3, but it is 4"):
        Augmentation.preset("light", 4)
    with pytest.raises(ValueError, match=r"`flip` holds one probability per axis, 3 of them .* have 2 axes"):
        Augmentation.preset("light", 3)(*blobs((8, 8)), np.random.default_rng(0))
