"""Ranges as people write them: read, told apart, declared, and found again in a trial."""

import keras_tuner
import pytest

from keras_seg import losses
from keras_seg.training.recipes import partial
from keras_seg.training.recipes.recipe_tables import TABLES
from keras_seg.tuner.ranges import declare, parse_range, split_ranges, values_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.2:0.8", (0.2, 0.8)),
        (" 0.0001 : 0.01 : log ", (0.0001, 0.01, "log")),
        ("2:6", (2, 6)),
        ("-1:6.5", (-1, 6.5)),
        ("1|2|4", [1, 2, 4]),
        ("adam | sgd", ["adam", "sgd"]),
        ("true|false", [True, False]),
        ("[8,16,32]|[16,32,64]", [[8, 16, 32], [16, 32, 64]]),
        ("0.4", 0.4),
        ("2", 2),
        ("[8, 16]", [8, 16]),
        ("dice + focal", "dice + focal"),
        ("'a:b|c'", "a:b|c"),
        ('"a|b"|c', ["a|b", "c"]),
    ],
)
def test_texts_are_read(text, expected):
    found = parse_range(text)
    assert found == expected
    assert type(found) is type(expected)
    if isinstance(found, tuple):
        assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.2:", "finite numbers"),
        (":", "finite numbers"),
        ("a:b", "finite numbers"),
        ("1:inf", "finite numbers"),
        ("true:2", "finite numbers"),
        ("1:2:3:4", "two ends"),
        ("1:2:3", "only be 'log'"),
        ("12:13:14", "only be 'log'"),
        ("2:1", "low end"),
        ("1:1", "low end"),
        ("0:1:log", "above 0"),
        ("1|", "not complete"),
        ("|", "not complete"),
        ("1:2|3", "not complete"),
    ],
)
def test_malformed_texts(text, message):
    with pytest.raises(ValueError, match=message):
        parse_range(text)


def test_texts_are_told_apart():
    found = split_ranges(
        [
            "tversky.alpha=0.2:0.8",
            "focal.gamma=1|2|3",
            "tversky.beta=0.7",
            "dice.class_weights=[1, 2]",
            "dice + focal(gamma=3): focal weight=0.5:2",
            "learning_rate = 0.0001:0.01:log",
            "network.filters=[8,16]|[16,32]",
            "network.strides=[2, 2]",
            "augmentation.rotation=0:30",
            "optimizer=adam|sgd",
            "training.epochs=5",
            "network.model=vnet",
            "network.options.norm=batch|group",
            "loss.options.ignore_class=255",
        ]
    )
    assert found == (
        {
            "tversky.alpha": (0.2, 0.8),
            "focal.gamma": [1, 2, 3],
            "tversky.beta": 0.7,
            # A list of one choice: this value.
            "dice.class_weights": [[1, 2]],
            "dice + focal(gamma=3): focal weight": (0.5, 2),
        },
        {
            "training.learning_rate": (0.0001, 0.01, "log"),
            "network.filters": [[8, 16], [16, 32]],
            "augmentation.rotation": (0.0, 30.0),
            "training.optimizer": ["adam", "sgd"],
            "network.options.norm": ["batch", "group"],
        },
        {
            "network.strides": [2, 2],
            "training.epochs": 5,
            "network.model": "vnet",
            "loss.options.ignore_class": 255,
        },
    )
    assert isinstance(found[1]["augmentation.rotation"][0], float)


def test_a_dict_is_read_by_what_its_keys_take():
    found = split_ranges(
        {
            "tversky.alpha": (0.2, 0.8),
            "focal.gamma": [1, 2],
            "dice + focal: focal weight": 0.5,
            "learning_rate": (1e-4, 1e-2, "log"),
            "training.batch_size": [2, 4],
            "clip_norm": (1, 12),
            "weight_decay": [0, 0.1],
            "network.filters": (8, 16, 32),
            "patch": [[32, 32], [64, 64]],
            "network.strides": [[2, 2], [2, 1]],
            "augmentation.scale": (0.8, 1.2),
            "augmentation.rotation": (0, 30),
            "deterministic": [True, False],
            "network.options.dropout": (0.0, 0.5),
            "network.options.kernel": [3, 3],
            "schedule": "poly",
            "precision": None,
        }
    )
    assert found == (
        {"tversky.alpha": (0.2, 0.8), "focal.gamma": [1, 2], "dice + focal: focal weight": 0.5},
        {
            "training.learning_rate": (1e-4, 1e-2, "log"),
            "training.batch_size": [2, 4],
            "training.clip_norm": (1.0, 12.0),
            "training.weight_decay": [0.0, 0.1],
            "training.patch": [[32, 32], [64, 64]],
            "augmentation.rotation": (0.0, 30.0),
            "training.deterministic": [True, False],
            "network.options.dropout": (0.0, 0.5),
        },
        {
            "network.filters": (8, 16, 32),
            "network.strides": [[2, 2], [2, 1]],
            "augmentation.scale": (0.8, 1.2),
            "network.options.kernel": [3, 3],
            "training.schedule": "poly",
        },
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("training.learning_rat=0.1:0.2", "learning_rate"),
        ("trainin.learning_rate=0.1", "training"),
        ("training.learning_rate=0.1:20", "at most 10"),
        ("training.batch_size=0.5:2", "whole number"),
        ("training.optimizer=adam|sdg", "sgd"),
        ("training.optimizer=1:2", "one of"),
        ("augmentation.elastic=0.1:0.9", "elastic"),
        ("network.filters=8|16", "at least two"),
        ("training.learning_rate=[0.1, 0.2]", "a number"),
        ("training.batch_size=2|2", "one choice"),
        ("network.model=unet|vnet", "one network"),
        ("model=unet|vnet", "one network"),
        ("training.epochs=5:10", "option of the search"),
        ("seed=1|2", "option of the search"),
        ("loss.loss=dice|focal", "what the search chooses"),
        ("loss=dice|focal", "what the search chooses"),
        ("loss.options.ignore_class=1:3", "what the search chooses"),
        ("training.learning_rate", "name=value"),
        ("=3", "name=value"),
        ("tversky.alpha=0.2:", "^tversky.alpha: "),
        ("focal.gamma=[1, 2]", r"1\|2"),
    ],
)
def test_what_cannot_be_searched_is_refused(entry, message):
    with pytest.raises(ValueError, match=message):
        split_ranges([entry])


def test_no_entries_and_one_text():
    assert split_ranges([]) == split_ranges(None) == split_ranges({}) == ({}, {}, {})
    assert split_ranges("epochs=3") == ({}, {}, {"training.epochs": 3})


def test_the_later_entry_wins():
    assert split_ranges(["learning_rate=0.1:0.2", "training.learning_rate=0.1"])[1:] == (
        {},
        {"training.learning_rate": 0.1},
    )


def test_no_loss_is_named_like_a_part_of_the_recipe():
    keys = {key for table in TABLES.values() for key in [*table.keys()]}
    assert not set(losses.names()) & (keys | set(TABLES))


RANGES = {
    "training.learning_rate": (1e-4, 1e-2, "log"),
    "training.batch_size": (2, 6),
    "training.optimizer": ["adam", "sgd"],
    "training.deterministic": [False, True],
    "network.filters": [[8, 16, 32], [16, 32, 64]],
    "training.ema": (0.9, 0.99999),
}


def test_ranges_are_declared_with_the_defaults_of_the_recipe():
    hp = keras_tuner.HyperParameters()
    defaults = {"training.learning_rate": 0.1, "training.optimizer": "adamw", "network.filters": (16, 32, 64)}
    declare(hp, RANGES, defaults | {"training.batch_size": 4})
    declared = {parameter.name: parameter for parameter in hp.space}
    assert list(declared) == list(RANGES)
    assert declared["training.learning_rate"].sampling == "log"
    assert values_of(hp.values, RANGES) == {
        "training.learning_rate": 1e-2,
        "training.batch_size": 4,
        "training.optimizer": "adam",
        "training.deterministic": False,
        "network.filters": [16, 32, 64],
        "training.ema": 0.9,
    }
    size = len(hp.space)
    declare(hp, RANGES, defaults)
    assert len(hp.space) == size


def test_values_are_those_of_the_recipe():
    drawn = {
        "loss": "dice",
        "training.learning_rate": 0.00123456,
        "training.batch_size": 5,
        "training.optimizer": "sgd",
        "training.deterministic": "True",
        "network.filters": "[16, 32, 64]",
        "training.ema": 0.999989,
    }
    values = values_of(drawn, RANGES)
    assert values == {
        "training.learning_rate": 0.001235,
        "training.batch_size": 5,
        "training.optimizer": "sgd",
        "training.deterministic": True,
        "network.filters": [16, 32, 64],
        # Rounded to four digits it would be 1, which is no momentum.
        "training.ema": 0.999989,
    }
    assert partial.overrides(values)
    with pytest.raises(ValueError, match="no value"):
        values_of({"loss": "dice"}, RANGES)


def test_grid_declares_three_values():
    hp = keras_tuner.HyperParameters()
    declare(hp, {"training.learning_rate": (0.1, 1.0)}, {"training.learning_rate": 0.3}, grid=True)
    assert hp.space[0].values == [0.1, 0.3, 1.0]
