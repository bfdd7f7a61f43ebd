"""Plans: what is chosen for data of many kinds, and that what is given stays."""

import dataclasses
import math

import pytest
from plan_cases import CASES, MACHINES, ct, fake_fingerprint, hippocampus, huge_2d, nuclei, slices, tiny

from keras_seg.training import Recipe, plan
from keras_seg.training.planning import scale
from keras_seg.training.recipes.recipe_tables import TABLES


def planned(fingerprint, machine="cpu", **options):
    return plan(fingerprint, resources=MACHINES[machine], **options)


def test_hippocampus_in_25_minutes():
    made = planned(hippocampus(), minutes=25, validation_cases=20, test_cases=20)
    recipe = made.recipe
    assert recipe.data.spacing == (1.0, 1.0, 1.0)
    assert recipe.data.normalization == "zscore"
    assert recipe.network.model == "unet"
    assert recipe.network.filters == (16, 32, 64, 128)
    assert recipe.network.strides == (2, 2, 2)
    assert recipe.training.patch == (40, 56, 40)
    assert recipe.training.batch_size == 4
    assert recipe.training.steps_per_epoch == 42
    assert (recipe.training.optimizer, recipe.training.learning_rate, recipe.training.ema) == ("adamw", 2e-3, 0.99)
    assert recipe.loss.loss == "dice_ce"
    assert recipe.augmentation.make(3).flip == (0.5, 0.5, 0.5)
    assert recipe.inference.batch_size == 1
    assert made.schedule.minutes <= 25
    assert not made.warnings
    assert "median image" in made.reasons["training.patch"]


def test_nuclei_in_8_minutes():
    recipe = planned(nuclei(), minutes=8).recipe
    assert recipe.data.spacing == "stored"
    assert recipe.training.patch == (256, 256)
    assert recipe.training.batch_size >= 4
    assert recipe.network.filters == (16, 32, 64, 128, 256)


def test_large_ct_is_cut_into_patches_and_thick_slices_are_not_halved_at_once():
    made = planned(ct())
    recipe = made.recipe
    assert recipe.data.normalization == "ct"
    assert recipe.data.spacing == (1.0, 1.0, 3.0)
    assert recipe.network.strides[0] == (2, 2, 1)
    assert math.prod(recipe.training.patch) < math.prod((256, 256, 100)) / 10
    lengths = [size * mm for size, mm in zip(recipe.training.patch, (1, 1, 3), strict=True)]
    assert max(lengths) <= 1.6 * min(lengths)
    assert recipe.training.foreground == 0.5


def test_large_ct_in_20_minutes_is_seen_at_a_coarser_spacing_and_that_is_said():
    made = planned(ct(), minutes=20)
    assert made.recipe.data.spacing == (2.0, 2.0, 3.0)
    assert any("resampled from 1 x 1 x 3 to 2 x 2 x 3 mm" in warning for warning in made.warnings)
    assert made.recipe.validation.cases < 12
    assert made.schedule.validation <= 0.3 * 60 * made.schedule.minutes
    kept = planned(ct(), minutes=20, fixed={"spacing": [1.0, 1.0, 3.0]})
    assert kept.recipe.data.spacing == (1.0, 1.0, 3.0)
    assert not any("resampled" in warning for warning in kept.warnings)


def test_small_structures_keep_their_resolution():
    specks = fake_fingerprint([(256, 256, 100)] * 60, [(1.0, 1.0, 3.0)] * 60, (0.0001,))
    assert planned(specks, minutes=20).recipe.data.spacing == (1.0, 1.0, 3.0)


def test_three_cases():
    made = planned(tiny())
    assert made.recipe.training.batch_size == 2
    assert made.recipe.augmentation.preset == "default"
    assert made.recipe.training.steps_per_epoch >= 25
    assert any("only 2 training cases" in warning for warning in made.warnings)


def test_huge_images_are_cut():
    recipe = planned(huge_2d(), minutes=30).recipe
    assert 200 <= min(recipe.training.patch) <= max(recipe.training.patch) <= 640
    assert recipe.training.patch[0] == recipe.training.patch[1]
    assert recipe.validation.overlap == 0.25
    assert recipe.inference.mirror == ()


def test_few_thick_slices_stay_apart():
    recipe = planned(slices()).recipe
    assert all(stride == (2, 2, 1) for stride in recipe.network.strides)


def test_a_gpu_gets_a_larger_network_and_patch():
    small, large = planned(ct()), planned(ct(), "gpu")
    assert math.prod(large.recipe.training.patch) > 4 * math.prod(small.recipe.training.patch)
    assert large.recipe.network.filters[0] == 32
    assert large.recipe.network.deep_supervision
    assert large.memory < MACHINES["gpu"].gpu_memory
    unknown = dataclasses.replace(MACHINES["gpu"], gpu_memory=0)
    made = plan(nuclei(), resources=unknown)
    assert made.memory < 8e9
    assert any("how much memory the GPU has" in warning for warning in made.warnings)


@pytest.mark.parametrize("name", CASES)
def test_a_plan_stays_below_the_memory(name):
    machine = dataclasses.replace(MACHINES["cpu"], cores=32, memory=3_000_000_000)
    made = plan(CASES[name](), resources=machine)
    assert made.memory < machine.memory
    assert not any("memory" in warning for warning in made.warnings)


@pytest.mark.parametrize("name", CASES)
def test_every_value_has_a_reason_and_the_recipe_is_complete(name, tmp_path):
    made = planned(CASES[name](), minutes=15)
    values = {f"{title}.{key}" for title, table in made.recipe.to_dict().items() for key in table}
    assert values == set(made.reasons)
    unexplained = {key for key, reason in made.reasons.items() if not reason}
    assert all(key.startswith("augmentation.") for key in unexplained)
    made.recipe.save(tmp_path / "recipe.toml", made.reasons)
    assert Recipe.load(tmp_path / "recipe.toml") == made.recipe
    assert set(made.recipe.to_dict()) == set(TABLES)


@pytest.mark.parametrize("name", ["nuclei", "ct", "huge_2d"])
@pytest.mark.parametrize("minutes", [5, 60])
def test_the_time_is_kept_and_validation_takes_a_quarter_at_most(name, minutes):
    made = planned(CASES[name](), minutes=minutes)
    late = [warning for warning in made.warnings if "minutes, more than the" in warning]
    assert made.schedule.minutes <= minutes or late
    if not late:
        assert made.schedule.validation <= 0.26 * 60 * minutes


def test_too_little_memory_or_time_is_said():
    machine = dataclasses.replace(MACHINES["cpu"], memory=1_500_000_000)
    assert any("room for patches" in warning for warning in plan(hippocampus(), resources=machine).warnings)
    fixed = {"patch": [256, 256, 256]}
    assert any("GB of memory" in warning for warning in planned(hippocampus(), fixed=fixed).warnings)
    assert any("more than the 1 given" in warning for warning in planned(hippocampus(), minutes=1).warnings)
    slow = planned(CASES["large_ct"](), minutes=10).warnings
    assert any("Hold fewer cases out for validation" in warning for warning in slow)


def test_no_rare_class_drowns_in_an_overlap_of_the_background():
    names = ("background", "organ", "tumour")
    rare = fake_fingerprint([(40, 40, 40)] * 20, [(1.0,) * 3] * 20, (0.1, 0.002), names=names)
    made = planned(rare)
    assert made.recipe.loss.options == {"include_background": False}
    assert "tumour" in made.reasons["loss.options"]

    def is_warned_of(**table):
        return any("tumour covers 0.2 %" in warning for warning in planned(rare, fixed={"loss": table}).warnings)

    assert not is_warned_of()
    assert is_warned_of(options={"include_background": True})
    assert is_warned_of(loss="cross_entropy + tversky", options={"ignore_class": 255})
    assert not is_warned_of(loss="cross_entropy", options={"ignore_class": 255})
    # What a given loss says itself is not contradicted.
    said = {"loss": "dice(include_background=True) + cross_entropy"}
    assert planned(rare, fixed={"loss": said}).recipe.loss.options == {}
    assert is_warned_of(**said)


def test_in_large_cases_the_overlap_of_the_background_is_kept():
    """Most of their patches hold nothing of a rare class, and nothing else in the overlap says so."""
    large = fake_fingerprint([(256, 256, 100)] * 20, [(1.0, 1.0, 3.0)] * 20, (0.002,), names=("background", "tumour"))
    for patch, options in (((64, 64, 32), {}), ((256, 256, 96), {"include_background": False})):
        made = planned(large, fixed={"training": {"patch": patch}, "data": {"spacing": "stored"}})
        assert made.recipe.loss.options == options
        assert not any("overlap of the background" in warning for warning in made.warnings)


def test_a_class_that_no_case_holds_is_named():
    found = fake_fingerprint(
        [(40, 40, 40)] * 20, [(1.0,) * 3] * 20, (0.1, 0.0), names=("background", "organ", "tumour")
    )
    assert any("No case holds tumour" in warning for warning in planned(found).warnings)


def test_jax_on_cores_is_advised_against():
    machine = dataclasses.replace(MACHINES["cpu"], backend="jax")
    assert any("KERAS_BACKEND=tensorflow" in warning for warning in plan(hippocampus(), resources=machine).warnings)


def test_what_is_seen_often_is_changed_more():
    presets = [planned(hippocampus(), minutes=m).recipe.augmentation.preset for m in (5, 25, None)]
    assert presets == ["light", "default", "default"]
    epochs = [planned(nuclei(), fixed={"epochs": n}).recipe.augmentation.preset for n in (20, 100)]
    assert epochs == ["light", "default"]


def test_flips_leave_left_and_right_classes_and_known_directions_alone():
    def flips(classes, oriented, machine="cpu", rank=3):
        shapes, spacings = [(40,) * rank] * 30, [(1.0,) * rank] * 30
        names = ("background", *classes)
        found = fake_fingerprint(shapes, spacings, (0.05,) * len(classes), names=names, oriented=oriented)
        made = planned(found, machine)
        return made.recipe.augmentation.make(rank).flip, made.recipe.inference.mirror

    assert flips(("liver",), False) == ((0.5, 0.5, 0.5), (0, 1, 2))
    assert flips(("liver",), True) == ((0.5, 0.0, 0.0), (0,))
    assert flips(("liver",), True, "gpu") == ((0.5, 0.5, 0.5), (0, 1, 2))
    assert flips(("cleft", "bright spot"), True) == ((0.5, 0.0, 0.0), (0,))
    assert flips(("kidney_left", "kidney_right"), True) == ((0.0, 0.5, 0.5), (1, 2))
    assert flips(("Left lung",), False) == ((), ())
    assert flips(("right_ventricle",), False, rank=2) == ((), ())


def test_what_is_given_stays_and_the_rest_fits():
    fixed = {"model": "vnet", "filters": [4, 8, 16], "loss": "tversky", "epochs": 7, "augmentation.preset": "none"}
    made = planned(hippocampus(), minutes=25, fixed=fixed)
    recipe = made.recipe
    assert (recipe.network.model, recipe.network.filters, recipe.network.strides) == ("vnet", (4, 8, 16), (2, 2))
    assert recipe.training.patch == (40, 52, 36) or all(size % 4 == 0 for size in recipe.training.patch)
    assert (recipe.loss.loss, recipe.training.epochs) == ("tversky", 7)
    assert recipe.augmentation.make(3).flip == ()
    assert recipe.inference.mirror == ()
    assert made.reasons["training.epochs"] == "as given"
    strided = planned(hippocampus(), fixed={"strides": [2], "patch": [32, 48, 32]}).recipe
    assert strided.network.filters == (16, 32)
    assert strided.training.patch == (32, 48, 32)


def test_a_whole_recipe_that_is_given_stays(tmp_path):
    made = planned(ct(), minutes=20)
    path = tmp_path / "recipe.toml"
    made.recipe.save(path)
    for fixed in (made.recipe, path, str(path), made.recipe.to_dict()):
        again = planned(ct(), minutes=3, fixed=fixed)
        assert again.recipe == made.recipe
        assert set(again.reasons.values()) == {"as given"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "`minutes` must be above 0"),
        ({"fixed": {"patch": [48, 48]}}, r"`training.patch` is \[48, 48\], for 2 axes, but the data are 3D"),
        ({"fixed": {"spacing": [1, 1]}}, r"`data.spacing` is \[1.0, 1.0\], for 2 axes"),
        ({"fixed": {"strides": [[2, 2]]}}, r"`network.strides\[0\]` is \[2, 2\], for 2 axes"),
        ({"fixed": {"patch": [50, 48, 48]}}, r"nearest patch is \[48, 48, 48\]"),
        ({"fixed": {"strides": [2], "filters": [8, 16, 32]}}, "3 levels and `network.strides` 1 steps"),
        ({"fixed": {"network.options.kernel": 3}}, "Unknown option `kernel`"),
        ({"fixed": {"network.options.kernel_size": -1}}, r"\[network\]: .*kernel_size"),
        ({"fixed": {"loss": "tverski"}}, "tversky"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        planned(hippocampus(), **options)


@pytest.mark.parametrize(
    ("shape", "spacing", "expected"),
    [
        ((128, 128, 128), (1, 1, 1), ((2, 2, 2),) * 4),
        ((128, 128, 16), (1, 1, 5), ((2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2))),
        ((40, 56, 40), (1, 1, 1), ((2, 2, 2),) * 3),
        ((64, 512), (1, 1), ((2, 2),) * 4),
        ((6, 6), (1, 1), ((2, 2),)),
    ],
)
def test_strides(shape, spacing, expected):
    assert scale.choose_strides(shape, spacing, 4) == expected


def test_strides_of_a_given_number():
    strides = scale.choose_strides((16, 16, 4), (1, 1, 1), 4, exact=True)
    assert len(strides) == 4
    assert strides[0] == (2, 2, 1)


def test_patches_of_a_share():
    patch = scale.cut_patch((256, 256, 100), (1.0, 1.0, 3.0), (16, 16, 8), 0.02)
    assert patch == (64, 64, 24)
    assert scale.whole_patch((37, 50, 36), (8, 8, 8)) == (40, 56, 40)
    assert scale.simplify(((2, 2, 1), (2, 2, 2))) == ((2, 2, 1), 2)
    assert scale.choose_filters(32, 6, 3) == (32, 64, 128, 256, 320, 320)
