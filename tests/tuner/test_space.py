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
    assert str(first) == str(second) == "dice + 1 * focal(gamma=4)"
    assert len(hp.space) == size


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("dice + focal", {"focal.gamma", "focal weight"}),
        ("dice + focal(gamma=2)", {"focal weight"}),
        ("dice - focal(gamma=2)", {"focal weight"}),
        ("tversky(alpha=0.3) + 0.5 * focal", {"tversky.beta", "focal.gamma"}),
        ("focal + 2 * focal", {"focal.gamma", "focal_2.gamma"}),
        ("focal(gamma=1) + focal(gamma=2) + focal(gamma=3)", {"focal_2 weight", "focal_3 weight"}),
        ("dice + 1 * jaccard - jaccard * 2 + (0.5 * jaccard) + -jaccard", set()),
        ("1 - dice", set()),
        ("dice + 2", set()),
        ("0.5 * (dice + jaccard) + mcc", {"jaccard weight", "mcc weight"}),
        ("dice + (jaccard + mcc)", {"mcc weight", "(jaccard + mcc) weight"}),
        ("cross_entropy(label_smoothing=0) + log1p( mean(dice))", {"log1p( mean(dice)) weight"}),
        ("log1p(dice + jaccard)", {"jaccard weight"}),
        ("dice + jaccard * mcc", {"jaccard * mcc weight"}),
        ("dice + sqrt(jaccard) + sqrt(jaccard)", {"sqrt(jaccard) weight", "sqrt(jaccard)_2 weight"}),
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

    hp, _ = declare(["dice + jaccard", "dice + 1 * jaccard", "dice"], grid=True)
    assert parameters(hp)["dice + jaccard: jaccard weight"].values == [0.1, 1.0, 10.0]
    assert grid_size(hp) == 3 + 1 + 1
    hp.Choice("batch_size", [2, 4])
    assert grid_size(hp) == 2 * 5


def test_a_weight_is_searched_on_a_log_scale_around_one():
    weight = parameters(declare(["dice + jaccard"])[0])["dice + jaccard: jaccard weight"]
    assert (weight.min_value, weight.max_value, weight.sampling, weight.default) == (0.1, 10.0, "log", 1.0)


@pytest.mark.parametrize(
    ("text", "weights", "expected"),
    [
        ("dice + jaccard", {"jaccard": 0.123456}, "dice + 0.1235 * jaccard"),
        ("dice - jaccard", {"jaccard": 3.0}, "dice - 3 * jaccard"),
        ("dice + jaccard + jaccard", {"jaccard": 3.0, "jaccard_2": 0.5}, "dice + 3 * jaccard + 0.5 * jaccard"),
        (
            "dice - (jaccard + mcc)",
            {"mcc": 0.5, "(jaccard + mcc)": 2.0},
            "dice - 2 * (jaccard + 0.5 * mcc)",
        ),
        ("dice + jaccard * mcc", {"jaccard * mcc": 2.0}, "dice + 2 * jaccard * mcc"),
        ("dice + log1p(mean(mcc))", {"log1p(mean(mcc))": 0.25}, "dice + 0.25 * log1p(mean(mcc))"),
    ],
)
def test_the_text_carries_the_weights_and_gives_the_same_loss_back(text, weights, expected):
    _, loss = declare([text, "dice"], {f"{text}: {label} weight": value for label, value in weights.items()})
    assert str(loss) == expected
    assert str(losses.get(expected)) == expected
    assert losses.get(expected).get_config() == loss.get_config()
    # What a search found is kept as written, and nothing more is searched of its weights.
    assert set(parameters(declare([expected])[0])) == {"loss"}


def test_a_branch_that_is_not_chosen_is_built_all_the_same():
    assert str(declare(["dice + jaccard", "dice"], {"loss": "dice"})[1]) == "dice"


def test_ranges_replace_the_space_in_every_branch():
    names = ["tversky", "dice + tversky", "tversky(alpha=0.4)", "focal", "dice"]
    ranges = {
        "tversky.alpha": (0.4, 0.8),
        "tversky.beta": 0.6,
        "focal.gamma": [1, 3],
        "dice.smooth": (0.001, 1, "log"),
        "dice + tversky: tversky weight": (0.5, 2),
    }
    hp, loss = declare(names, ranges=ranges)
    declared = parameters(hp)
    assert set(declared) == {
        "loss",
        "tversky.alpha",
        "dice + tversky: tversky.alpha",
        "dice + tversky: tversky weight",
        "dice + tversky: dice.smooth",
        "focal.gamma",
        "dice.smooth",
    }
    # The default lies outside: the nearest value, or the first choice, takes its place.
    assert (declared["tversky.alpha"].default, declared["focal.gamma"].default) == (0.4, 1)
    assert declared["focal.gamma"].values == [1, 3]
    assert declared["dice.smooth"].sampling == "log"
    weight = declared["dice + tversky: tversky weight"]
    assert (weight.min_value, weight.max_value, weight.default) == (0.5, 2, 1.0)
    assert str(loss) == "tversky(alpha=0.4, beta=0.6)"
    _, loss = declare(names, {"loss": "tversky(alpha=0.4)"}, ranges=ranges)
    assert str(loss) == "tversky(alpha=0.4, beta=0.6)"


def test_a_range_of_a_full_name_is_that_of_one_branch_and_wins():
    full_name = "dice + focal: focal.gamma"
    hp, _ = declare(["focal", "dice + focal"], ranges={full_name: (1.0, 2.0), "focal.gamma": (1.0, 4.0)})
    assert parameters(hp)[full_name].max_value == 2.0
    assert parameters(hp)["focal.gamma"].max_value == 4.0
    weight = "dice + focal: focal weight"
    hp, loss = declare(["dice + focal"], ranges={weight: 0.5})
    assert weight not in parameters(hp)
    assert str(loss) == "dice + 0.5 * focal"
    hp, _ = declare(["dice + focal"], ranges={weight: [2, 1, 0.5]}, grid=True)
    assert (parameters(hp)[weight].values, parameters(hp)[weight].default) == ([2.0, 1.0, 0.5], 1.0)


def test_a_range_wins_over_an_option_for_all():
    hp, loss = declare(["tversky", "focal_tversky"], ranges={"tversky.alpha": (0.5, 0.8)}, alpha=0.2)
    assert "tversky.alpha" in parameters(hp)
    assert "focal_tversky.alpha" not in parameters(hp)
    assert loss.alpha == 0.5


def test_a_list_of_one_choice_is_that_value():
    hp, loss = declare(["focal"], ranges={"focal.gamma": [3], "focal.class_weights": [[1.0, 2.0]]})
    assert set(parameters(hp)) == {"loss"}
    assert (loss.gamma, list(loss.class_weights)) == (3, [1.0, 2.0])


def test_whole_numbers_stay_whole_and_values_stay_in_the_range():
    hp, loss = declare(["cl_dice"], {"cl_dice.iterations": 4}, ranges={"cl_dice.iterations": (2, 6)})
    assert type(parameters(hp)["cl_dice.iterations"]).__name__ == "Int"
    assert loss.iterations == 4
    _, loss = declare(["focal"], {"focal.gamma": 1.00004}, ranges={"focal.gamma": (1.00003, 2)})
    assert loss.gamma == 1.00004
    # The default of gamma is no whole number, so its values are not, even though the ends are.
    hp, _ = declare(["focal"], ranges={"focal.gamma": (3, 6)})
    assert (parameters(hp)["focal.gamma"].default, type(parameters(hp)["focal.gamma"]).__name__) == (3.0, "Float")


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"tverski.alpha": (0, 1)}, "'tversky'"),
        ({"tversky.alfa": (0, 1)}, "'alpha'"),
        ({"tversky": (0, 1)}, "such as `tversky"),
        ({"jaccard.smooth": (0, 1)}, "Add 'jaccard'"),
        ({"focal.gamma": (0, 1)}, "gives 'gamma' itself"),
        ({"dice + focal: focal weigth": 1}, "Did you mean 'dice \\+ focal"),
        ({"tversky.alpha": (0.8, 0.2)}, "low end must be below"),
        ({"tversky.alpha": (0.2, 0.2)}, "low end must be below"),
        ({"tversky.alpha": (0.0, 0.2, "log")}, "above 0"),
        ({"tversky.alpha": (0.1, 0.2, "lag")}, "only be 'log'"),
        ({"tversky.alpha": ("a", 0.2)}, "finite numbers"),
        ({"tversky.alpha": (0.1, float("inf"))}, "finite numbers"),
        ({"tversky.alpha": (0.1,)}, "two ends"),
        ({"tversky.alpha": []}, "at least one choice"),
        ({"tversky.alpha": {1}}, "Expected"),
        ({"dice + focal(gamma=2): focal weight": "much"}, "must be a number"),
        ([("tversky.alpha", 0.3)], "must be a dict"),
    ],
)
def test_ranges_that_are_wrong(ranges, message):
    with pytest.raises(ValueError, match=message):
        declare(["tversky", "dice + focal(gamma=2)"], ranges=ranges)


def test_a_weight_is_fixed_by_name_only_where_one_is_searched():
    with pytest.raises(ValueError, match="No sum of losses"):
        declare(["dice"], ranges={"dice + focal: focal weight": 1})


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
