"""The search space: read from the losses, conditional, complete at once."""

import keras_tuner
import pytest

from keras_seg import losses, tuner
from keras_seg.losses import registry
from keras_seg.tuner.space import explicit_text, grid_size


def declare(names=None, values=(), **options):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp, tuner.choose_loss(hp, names, **options)


def parameters(hp):
    return {parameter.name: parameter for parameter in hp.space}


def test_space_is_that_of_every_loss_with_its_defaults_inside():
    hp, _ = declare("all")
    declared = parameters(hp)
    expected = {f"{name}.{key}" for name in tuner.usable_alone() for key in losses.space(name)}
    assert set(declared) == expected | {"loss"}
    assert tuple(declared.pop("loss").values) == tuner.usable_alone()
    for full_name, parameter in declared.items():
        name, key = full_name.split(".")
        spec, default = losses.space(name)[key], losses.defaults(name)[key]
        if isinstance(spec, list):
            # KerasTuner would make 0 and 1 of what is false and true.
            written = repr if isinstance(default, bool) else lambda value: value
            assert parameter.values == [written(value) for value in spec]
            assert parameter.default == written(default)
        else:
            assert parameter.default == default
            assert (parameter.min_value, parameter.max_value) == spec[:2]
            assert parameter.min_value <= default <= parameter.max_value
            assert parameter.sampling == (spec[2] if len(spec) > 2 else "linear")


def test_branches_are_conditional():
    hp, loss = declare(["dice_ce", "tversky", "focal"], {"loss": "tversky"})
    active = {name for name, parameter in parameters(hp).items() if hp.is_active(parameter)}
    assert active == {"loss", "tversky.alpha", "tversky.beta"}
    assert set(hp.values) == active
    assert str(loss) == "tversky"


def test_values_make_the_loss():
    _, loss = declare(["dice", "tversky"], {"loss": "tversky", "tversky.alpha": 0.123456, "tversky.beta": 0.9})
    assert isinstance(loss, losses.TverskyLoss)
    assert (loss.alpha, loss.beta) == (0.1235, 0.9)


def test_second_call_gives_the_same_and_declares_nothing_new():
    hp, first = declare(["tversky", "dice + focal"], {"loss": "dice + focal", "dice + focal: focal.gamma": 4.0})
    size = len(hp.space)
    second = tuner.choose_loss(hp, ["tversky", "dice + focal"])
    assert str(first) == str(second) == "dice + focal(gamma=4)"
    assert len(hp.space) == size


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("dice + focal", {"focal.gamma"}),
        ("dice + focal(gamma=2)", set()),
        ("tversky(alpha=0.3) + 0.5 * focal", {"tversky.beta", "focal.gamma"}),
        ("focal + 2 * focal", {"focal.gamma", "focal_2.gamma"}),
    ],
)
def test_what_a_text_leaves_out_is_searched(text, searched):
    hp, _ = declare([text])
    assert {name.removeprefix(f"{text}: ") for name in parameters(hp)} - {"loss"} == searched


def test_options_reach_every_loss_that_takes_them_and_are_not_searched():
    hp, loss = declare(["tversky", "cross_entropy"], alpha=0.2, ignore_class=255)
    assert "tversky.alpha" not in parameters(hp)
    assert (loss.alpha, loss.ignore_class) == (0.2, 255)
    _, loss = declare(["tversky", "cross_entropy"], {"loss": "cross_entropy"}, alpha=0.2, ignore_class=255)
    assert loss.ignore_class == 255


def test_all_leaves_out_what_needs_a_partner():
    assert "dice_ce" in tuner.usable_alone()
    assert {"boundary", "cl_dice", "hausdorff_dt"} <= set(losses.names()) - set(tuner.usable_alone())
    assert str(declare(["boundary"])[1]) == "boundary"


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["tverski"], {}, "'tversky'"),
        ([], {}, "at least one"),
        ([3], {}, "Expected names"),
        (["dice", "tversky"], {"gama": 1}, "'gama'"),
        (["dice +"], {}, "dice +"),
    ],
)
def test_errors_say_what_is_wrong(names, options, message):
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        declare(names, **options)


def test_names_are_taken_once_and_a_single_text_is_one():
    assert list(parameters(declare(["dice", "dice", " dice "])[0])["loss"].values) == ["dice"]
    assert list(parameters(declare("dice_ce")[0])["loss"].values) == ["dice_ce"]


def test_grid_has_ends_and_default_of_each_range():
    hp, _ = declare(["tversky", "generalized_dice", "dice"], grid=True)
    assert parameters(hp)["tversky.alpha"].values == [0.1, 0.3, 0.9]
    assert grid_size(hp) == 3 * 3 + 3 + 1


@pytest.fixture
def odd(monkeypatch):
    class OddLoss(losses.SegmentationLoss):
        registered_name = "odd"
        space = {"mixed": ["auto", 0.5], "flag": [False, True], "count": (1, 9), "part": (1, 9)}

        def __init__(self, mixed="auto", flag=True, count=3, part=1.5, **options):
            super().__init__(**options)
            self.mixed, self.flag, self.count, self.part = mixed, flag, count, part

    monkeypatch.setitem(registry._LOSSES, "odd", OddLoss)
    return OddLoss


def test_values_of_any_type_can_be_searched(odd):
    values = {"loss": "odd", "odd.mixed": "0.5", "odd.flag": "False", "odd.count": 7}
    _, loss = declare(["odd"], values)
    assert (loss.mixed, loss.flag, loss.count, loss.part) == (0.5, False, 7, 1.5)
    assert declare(["odd"])[1].flag is True
    assert parameters(declare(["odd"], grid=True)[0])["odd.part"].values == [1.0, 1.5, 9.0]


@pytest.mark.parametrize("space", [{"count": (5, 9)}, {"count": [1, 2]}, {"mixed": (0.0, 1.0)}])
def test_a_space_without_its_default_is_refused(odd, monkeypatch, space):
    monkeypatch.setattr(odd, "space", space)
    with pytest.raises(ValueError, match="default"):
        declare(["odd"])


def test_explicit_text_names_what_is_searched():
    assert explicit_text(losses.get("tversky(alpha=0.4)", ignore_class=255)) == (
        "tversky(beta=0.7, ignore_class=255, alpha=0.4)"
    )
    for name in tuner.usable_alone():
        loss = losses.get(name)
        assert losses.get(explicit_text(loss)).get_config().keys() == loss.get_config().keys()
    assert explicit_text(losses.get("dice + focal")) == "dice + focal"
