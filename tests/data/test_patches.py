"""What is in a batch: which cases, where, how often the foreground, and the same again for the same numbers."""

import collections
import dataclasses
import pickle
import tracemalloc

import numpy as np
import pytest

from keras_seg.data import Case, fit_shape
from keras_seg.data.augmentation import Augmentation
from keras_seg.data.patches import Patches


def numbered(number, shape, label=None):
    """Return a case whose image says of each voxel which case and which voxel it is."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) + 1.0
    image = np.concatenate([np.full((*shape, 1), number + 1.0), places], -1).astype("float32")
    label = np.zeros(shape, "uint8") if label is None else label
    return Case(f"case_{number}", image, label, (1.0,) * len(shape))


def with_voxels(shape, **classes):
    label = np.zeros(shape, "uint8")
    for name, voxels in classes.items():
        for voxel in voxels:
            label[voxel] = int(name[1:])
    return label


def volumes(count, seed=0):
    generator = np.random.default_rng(seed)
    cases = []
    for number, shape in enumerate(generator.integers((31, 40, 24), (44, 60, 48), (count, 3))):
        image = generator.normal(size=(*shape, 1)).astype("float32")
        cases.append(Case(f"case_{number}", image, (image[..., 0] > 1.5).astype("uint8"), (1.0, 1.0, 1.0)))
    return cases


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 8)])
@pytest.mark.parametrize("outputs", [1, 3])
def test_batch_has_the_promised_shapes_and_types(shape, outputs):
    cases = [numbered(number, tuple(size + 3 for size in shape)) for number in range(3)]
    patches = Patches(cases, shape, 4, 5, outputs=outputs)
    assert len(patches) == patches.num_batches == 5
    batches = list(patches)
    assert len(batches) == 5
    for x, y in batches:
        assert x.shape == (4, *shape, 1 + len(shape))
        assert x.dtype == np.float32
        labels = y if outputs > 1 else (y,)
        assert isinstance(labels, tuple)
        assert len(labels) == outputs
        for label in labels:
            assert label.shape == (4, *shape)
            assert label.dtype == np.uint8


def test_patches_are_cut_out_of_the_cases_that_they_name():
    cases = [numbered(number, (20, 17)) for number in range(4)]
    patches = Patches(cases, (6, 5), 3, 7, foreground=0)
    for index, (x, _) in enumerate(patches):
        assert [f"case_{int(each[0, 0, 0]) - 1}" for each in x] == list(patches.cases_of(0, index))
        for each in x:
            row, column = each[0, 0, 1:].astype(int) - 1
            number = int(each[0, 0, 0]) - 1
            np.testing.assert_array_equal(each, cases[number].image[row : row + 6, column : column + 5])


def test_patches_lie_everywhere_and_evenly():
    patches = Patches([numbered(0, (9, 6))], (6, 6), 10, 40, foreground=0)
    first = collections.Counter(int(each[0, 0, 1]) for x, _ in patches for each in x)
    assert sorted(first) == [1, 2, 3, 4]
    assert min(first.values()) > 60


@pytest.mark.parametrize("count", [1, 3, 7, 10])
def test_every_case_is_drawn_equally_often(count):
    cases = [numbered(number, (8, 8)) for number in range(count)]
    patches = Patches(cases, (8, 8), 4, 5)
    names = [name for epoch in range(count) for index in range(5) for name in patches.cases_of(epoch, index)]
    assert set(collections.Counter(names).values()) == {20}
    # Each time in another order: no turn repeats a case, and turns differ.
    turns = [tuple(names[turn * count : (turn + 1) * count]) for turn in range(20)]
    assert all(len(set(turn)) == count for turn in turns)
    assert count == 1 or len(set(turns)) > 1


@pytest.mark.parametrize("share", [0.0, 1 / 3, 0.5, 1.0])
def test_share_of_the_patches_that_show_the_foreground(share):
    # Patches that are laid anywhere hit one of the two voxels once in 600 times.
    cases = [numbered(k, (250, 250), with_voxels((250, 250), c1=[(130, 90)], c2=[(20, 240)])) for k in range(3)]
    patches = Patches(cases, (8, 8), 6, 50, foreground=share)
    shown = np.array([[(each > 0).any() for each in y] for _, y in patches])
    # In each batch, not only on average.
    assert (shown.sum(1) >= round(6 * share)).all()
    assert shown.mean() == pytest.approx(share, abs=0.02)


def test_classes_come_equally_often_however_rare():
    label = with_voxels((120, 120), c1=[(9, 9)])
    label[40:110, 40:110] = 2
    patches = Patches([numbered(0, (120, 120), label)], (10, 10), 10, 30, foreground=1)
    shown = np.array([[(each == value).any() for value in (1, 2)] for _, y in patches for each in y])
    assert 0.4 < shown[:, 0].mean() < 0.6
    assert shown.any(1).all()


def test_foreground_of_the_case_is_used_where_it_brings_one():
    @dataclasses.dataclass
    class Prepared:
        name: str
        image: np.ndarray
        label: np.ndarray
        spacing: tuple
        foreground: list

    plain = numbered(0, (60, 60))
    places = [np.zeros((0, 2), int), np.array([[30, 40]]), np.zeros((0, 2), int)]
    case = Prepared(plain.name, plain.image, plain.label, plain.spacing, places)
    patches = Patches([case], (8, 8), 10, 10, foreground=1)
    corners = np.array([each[0, 0, 1:] - 1 for x, _ in patches for each in x])
    assert ((corners <= (30, 40)) & (corners + 8 > (30, 40))).all()
    # Not always in the middle.
    assert len(np.unique(corners, axis=0)) > 10


def test_foreground_is_seen_through_augmentation():
    label = with_voxels((80, 80), c1=[(5, 5), (40, 41), (79, 79)])
    label[60:64, 20:24] = 1
    augmentation = Augmentation(rotation=180, rotation_probability=1, flip=(0.5, 0.5))
    patches = Patches([numbered(0, (80, 80), label)], (16, 16), 10, 10, foreground=1, augmentation=augmentation)
    shown = [(each > 0).any() for _, y in patches for each in y]
    assert np.mean(shown) > 0.8


def test_a_case_without_foreground_is_drawn_anywhere():
    patches = Patches([numbered(0, (30, 30))], (8, 8), 5, 10, foreground=1)
    assert len({tuple(each[0, 0]) for x, _ in patches for each in x}) > 20


@pytest.mark.parametrize("augmentation", [None, Augmentation(flip=(0.0, 0.0))])
@pytest.mark.parametrize("size", [(5, 9), (4, 20), (30, 3), (11, 12)])
def test_small_cases_lie_in_the_middle_of_zeros(size, augmentation):
    label = np.random.default_rng(0).integers(0, 3, size).astype("uint8")
    case = numbered(0, size, label)
    x, y = Patches([case], (11, 12), 1, 1, foreground=1, augmentation=augmentation)[0]
    if all(have <= want for have, want in zip(size, (11, 12))):
        np.testing.assert_array_equal(x[0], fit_shape(case.image, (11, 12)))
        np.testing.assert_array_equal(y[0], fit_shape(label, (11, 12)))
    inside = x[0][..., 0] > 0
    assert inside.sum() == np.prod(np.minimum(size, (11, 12)))
    assert not y[0][~inside].any()


def test_batches_depend_on_seed_epoch_and_index_alone():
    cases, augmentation = volumes(3), Augmentation.preset("strong", 3)
    options = {"augmentation": augmentation, "seed": 5}
    patches = Patches(cases, (16, 24, 16), 2, 3, **options)
    forward = [patches.batch(epoch, index) for epoch in range(2) for index in range(3)]
    other = pickle.loads(pickle.dumps(Patches(cases, (16, 24, 16), 2, 3, epoch=1, **options)))
    for index in (2, 0, 1):
        x, y = other[index]
        np.testing.assert_array_equal(x, forward[3 + index][0])
        np.testing.assert_array_equal(y, forward[3 + index][1])
    sums = {float(x.sum()) for x, _ in forward}
    assert len(sums) == 6
    assert Patches(cases, (16, 24, 16), 2, 3, augmentation=augmentation, seed=6)[0][0].sum() not in sums


def test_batches_own_their_memory():
    cases = [numbered(0, (8, 8))]
    before = cases[0].image.copy()
    patches = Patches(cases, (8, 8), 1, 1, augmentation=Augmentation(noise=(1, 1), noise_probability=1))
    x, y = patches[0]
    x[:] = 7
    y[:] = 7
    np.testing.assert_array_equal(cases[0].image, before)
    assert not cases[0].label.any()
    assert not np.array_equal(patches[0][0], x)


def test_memory_does_not_grow():
    # No threads: `tracemalloc.stop` crashes Python 3.11 now and then while others allocate (python/cpython#128679).
    augmentation = Augmentation.preset("strong", 3)
    patches = Patches(volumes(5), (32, 32, 24), 2, 10_000, augmentation=augmentation, threads=0)
    for index in range(40):
        patches[index]
    tracemalloc.start()
    try:
        patches[40]
        before, _ = tracemalloc.get_traced_memory()
        for index in range(41, 101):
            patches[index]
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 60 batches were made, 15 MB.
    assert after - before < 1_000_000
    assert peak - before < 12_000_000


def test_files_are_read_piece_by_piece(tmp_path):
    image = np.lib.format.open_memmap(tmp_path / "image.npy", "w+", "float32", (64, 64, 64, 1))
    label = np.lib.format.open_memmap(tmp_path / "label.npy", "w+", "uint8", (64, 64, 64))
    image[...] = np.random.default_rng(0).normal(size=image.shape)
    label[30:34, 30:34, 30:34] = 1
    opened = []

    class Cases:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            opened.append(index)
            arrays = [np.load(tmp_path / name, mmap_mode="r") for name in ("image.npy", "label.npy")]
            return Case(f"case_{index}", *arrays, (1.0, 1.0, 1.0))

    patches = Patches(Cases(), (8, 8, 8), 4, 3, augmentation=Augmentation.preset("strong", 3), threads=0)
    batches = list(patches)
    assert {type(x) for x, _ in batches} == {np.ndarray}
    # One for the checks, and one for each patch.
    assert len(opened) == 1 + 12


def test_labels_of_more_than_256_classes_stay_whole():
    label = np.full((6, 6), 300, "int32")
    _, y = Patches([numbered(0, (6, 6), label)], (6, 6), 1, 1)[0]
    assert y.dtype == np.int32
    assert (y == 300).all()


def test_a_case_that_does_not_fit_the_others_is_named():
    good = numbered(0, (6, 6))
    grey = Case("grey", good.image[..., :1], good.label, (1.0, 1.0))
    with pytest.raises(ValueError, match=r"Case 'grey' does not fit the others: .* 3 channels .* \(6, 6, 1\)"):
        list(Patches([good, grey], (6, 6), 2, 1))
    many = numbered(1, (6, 6), np.full((6, 6), 300, "int32"))
    with pytest.raises(ValueError, match="Case 'case_1': its label holds the classes 300 to 300, but batches of uint8"):
        list(Patches([good, many], (6, 6), 2, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": []}, "needs at least one case"),
        ({"shape": (8, 8, 8)}, r"it is \(8, 8, 8\) and case 'case_0' has the shape \(20, 20\)"),
        ({"shape": (8, 0)}, "one positive number of voxels per axis"),
        ({"batch_size": 0}, "`batch_size` must be an integer of 1 or more, but it is 0"),
        ({"steps": 2.5}, "`steps` must be an integer of 1 or more, but it is 2.5"),
        ({"steps": None}, "`steps` must be an integer of 1 or more, but it is None"),
        ({"seed": -1}, "`seed` must be an integer of 0 or more"),
        ({"epoch": -1}, "`epoch` must be an integer of 0 or more"),
        ({"outputs": 0}, "`outputs` must be an integer of 1 or more"),
        ({"threads": -1}, "`threads` must be an integer of 0 or more"),
        ({"ahead": 0}, "`ahead` must be an integer of 1 or more"),
        ({"foreground": 33}, "`foreground` is a share of the patches and must be 0 to 1, but it is 33"),
        ({"augmentation": "light"}, r"must be a `keras_seg.data.Augmentation` or None, but it is 'light'"),
        ({"augmentation": Augmentation(flip=(0.5,) * 3)}, "`flip` holds one probability per axis, 3 of them"),
    ],
)
def test_a_wrong_argument_is_named(change, message):
    arguments = {"cases": [numbered(0, (20, 20))], "shape": (8, 8), "batch_size": 2, "steps": 3, **change}
    with pytest.raises(ValueError, match=message):
        Patches(arguments.pop("cases"), **arguments)


@pytest.mark.parametrize("index", [3, -1])
def test_there_is_no_batch_beyond_the_epoch(index):
    with pytest.raises(IndexError, match="of an epoch of 3 batches"):
        Patches([numbered(0, (20, 20))], (8, 8), 2, 3)[index]
