"""Recipes: files, parts, overrides, and a message for everything that they cannot be."""

import dataclasses

import numpy as np
import pytest

from keras_seg.training.recipes import partial, recipe_file
from keras_seg.training.recipes.recipe import Recipe
from keras_seg.training.recipes.recipe_tables import TABLES, AugmentationTable, LossTable, TrainingTable

TABLES_OF_A_RECIPE = {
    "data": {"spacing": (1.0, 1.0, 3.0), "normalization": "ct"},
    "network": {
        "model": "unet",
        "filters": (8, 16, 32),
        "strides": ((2, 2, 1), 2),
        "options": {"kernel_size": (3, 3, 1), "normalization": None, "dropout": 0.1},
    },
    "loss": {"loss": "dice + 0.5 * focal(gamma=3)", "options": {"class_weights": (0.5, 1.0, 2.0), "ignore_class": 2}},
    "training": {"patch": (32, 32, 8), "batch_size": 2, "epochs": 3, "steps_per_epoch": 5, "learning_rate": 1e-5},
    "augmentation": {"preset": "light", "rotation": 10.0, "flip": (0.5, 0.0, 0.5)},
    "validation": {"mirror": (0, 1)},
}


@pytest.fixture
def recipe():
    return Recipe.from_dict(TABLES_OF_A_RECIPE)


@pytest.fixture
def written(tmp_path):
    """Function that writes a text to a file and returns its path."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_saved_recipe_comes_back_the_same(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    recipe.save(path)
    assert Recipe.load(path) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.network.options["normalization"] is None
    assert recipe.training.foreground == 1 / 3


def test_the_file_says_why_above_each_value(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    reasons = {"training.patch": "it covers the median image " * 8, "data.spacing": "the spacing of all cases"}
    recipe.save(path, reasons)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= recipe_file.COLUMNS
    assert lines[:3] == ["[data]", "# the spacing of all cases", "spacing = [1.0, 1.0, 3.0]"]
    patch = lines.index("patch = [32, 32, 8]")
    assert lines[patch - 1].startswith("# ")
    assert lines[patch - 2].startswith("# ")
    assert Recipe.load(path) == recipe


def test_every_table_and_key_is_in_the_file(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    recipe.save(path)
    found = recipe_file.read(path)
    assert list(found) == list(TABLES)
    for title in set(TABLES) - {"augmentation"}:
        assert list(found[title]) == [field.name for field in dataclasses.fields(TABLES[title])]


def test_a_file_with_some_keys_is_a_part_of_a_recipe(written):
    path = written('[training]\nbatch_size = 2\nema = 0\n[augmentation]\npreset = "strong"\nrotation = 5\n')
    part = Recipe.load(path)
    assert part == {"training": {"batch_size": 2, "ema": 0.0}, "augmentation": {"preset": "strong", "rotation": 5}}


def test_parts_are_merged_key_by_key_and_the_later_wins():
    merged = partial.merge(
        {"training": {"epochs": 3, "seed": 1}}, None, {"training": {"epochs": 5}, "loss": {"loss": "dice"}}
    )
    assert merged == {"training": {"epochs": 5, "seed": 1}, "loss": {"loss": "dice"}}


def test_an_option_of_its_own_keeps_the_others():
    file = {"loss": {"loss": "dice", "options": {"class_weights": (1, 2, 3)}}}
    merged = partial.merge(file, partial.overrides({"loss.options.ignore_class": 2}))
    assert merged["loss"]["options"] == {"class_weights": (1, 2, 3), "ignore_class": 2}
    assert file["loss"]["options"] == {"class_weights": (1, 2, 3)}


def test_the_class_to_ignore_is_found_in_text_and_options(recipe):
    assert recipe.loss.ignore_class == 2
    assert LossTable(loss="dice(ignore_class=1)").ignore_class == 1
    assert LossTable(loss="dice").ignore_class is None


def test_another_loss_network_or_preset_leaves_the_options_of_the_old_one_behind():
    old = {
        "loss": {"loss": "focal", "options": {"gamma": 3.0}},
        "network": {"model": "unet", "filters": (8, 16), "options": {"down": "strided"}},
        "augmentation": {"preset": "light", "rotation": 10.0},
    }
    new = partial.overrides({"loss": "dice", "model": "vnet", "preset": "strong"})
    assert partial.merge(old, new) == {
        "loss": {"loss": "dice"},
        "network": {"model": "vnet", "filters": (8, 16)},
        "augmentation": {"preset": "strong"},
    }
    same = partial.overrides({"loss": "focal", "model": "unet", "preset": "light"})
    assert partial.merge(old, same) == old


def test_overrides_take_dotted_and_unique_names_and_texts():
    expected = {
        "training": {"batch_size": 2, "patch": (8, 8)},
        "loss": {"loss": "dice", "options": {"ignore_class": 4}},
    }
    by_name = {
        "training.batch_size": 2,
        "patch": [8, 8],
        "loss": "dice",
        "loss.options.ignore_class": 4,
        "epochs": None,
    }
    texts = ["training.batch_size=2", "patch=[8, 8]", "loss.loss=dice", "loss.options.ignore_class=4"]
    assert partial.overrides(by_name) == expected
    assert partial.overrides(texts) == expected
    assert partial.partial_of(by_name) == expected
    assert partial.partial_of(expected) == expected
    assert partial.partial_of(None) == {}


def test_replace_changes_single_values(recipe):
    changed = recipe.replace(epochs=7, **{"validation.cases": 4})
    assert (changed.training.epochs, changed.validation.cases) == (7, 4)
    assert changed.replace(epochs=3, **{"validation.cases": 0}) == recipe


def test_numpy_values_become_plain(recipe):
    changed = recipe.replace(patch=np.array([32, 32, 16]), epochs=np.int64(3), learning_rate=np.float32(0.5))
    training = changed.training
    assert training.patch == (32, 32, 16)
    assert {type(value) for value in (*training.patch, training.epochs)} == {int}
    assert type(training.learning_rate) is float


def test_factor_and_rank(recipe):
    assert recipe.rank == 3
    assert recipe.factor == (4, 4, 2)


WRONG_FILES = {
    "[training]\nbatchsize = 2": ["Unknown key `batchsize` in [training]", "Did you mean `batch_size`?"],
    "[training]\nmodel = 'unet'": ["Unknown key `model` in [training]", "belongs to [network]"],
    "[network]\nfilter = [8, 16]": ["Did you mean `filters`?"],
    "[data]\nlearning_rat = 1": ["Did you mean `learning_rate` of [training]?"],
    "[trainig]\nepochs = 2": ["Unknown table [trainig]", 'Did you mean "training"?'],
    "epochs = 2": ["Unknown table [epochs]", "`epochs` is a key of [training]"],
    "training = 2": ["`training` must be a table"],
    "[training]\nbatch_size = 0": ["`training.batch_size` must be a whole number of at least 1", "Received: 0"],
    "[training]\nbatch_size = 2.0": ["`training.batch_size` must be a whole number", "Received: 2.0"],
    "[training]\nbatch_size = true": ["`training.batch_size` must be a whole number", "Received: True"],
    "[training]\npatch = 64": ["`training.patch` must be one to three whole numbers", "Received: 64"],
    "[training]\npatch = [8, 8, 8, 8]": ["one to three whole numbers"],
    "[training]\npatch = [8, -8]": ["one to three whole numbers above 0"],
    "[training]\nema = 1": ["`training.ema` must be a number of at least 0 and below 1"],
    "[training]\nlearning_rate = 0": ["`training.learning_rate` must be a number above 0"],
    "[training]\nlearning_rate = nan": ["`training.learning_rate` must be a number above 0"],
    "[training]\nlearning_rate = '1e-3'": ["`training.learning_rate` must be a number", "Received: '1e-3'"],
    "[training]\nforeground = 1.5": ["`training.foreground` must be a number of at least 0 and at most 1"],
    "[training]\noptimizer = 'adamww'": ['one of "adamw", "adam"', 'Did you mean "adamw"?'],
    "[training]\nschedule = 'cos'": ['`training.schedule` must be one of "cosine", "poly", "constant"'],
    "[training]\nprecision = 'float16'": ["`training.precision` must be one of"],
    "[training]\ndeterministic = 1": ["`training.deterministic` must be true or false"],
    "[training]\nseed = -1": ["`training.seed` must be a whole number of at least 0"],
    "[network]\nmodel = 'unett'": ['`network.model` must be one of "unet", "vnet"', 'Did you mean "unet"?'],
    "[network]\nfilters = [8]": ["`network.filters` must be at least two whole numbers"],
    "[network]\nstrides = 2": ["`network.strides` must be a list with one entry per step down"],
    "[network]\nstrides = [[2, 0]]": ["`network.strides` must be a list"],
    "[network]\noptions = 3": ["`network.options` must be a table of options"],
    "[loss]\nloss = ''": ["`loss.loss` must be a text"],
    "[data]\nspacing = 'store'": ['`data.spacing` must be "stored"'],
    "[data]\nspacing = [1, 0]": ['`data.spacing` must be "stored"'],
    "[data]\nnormalization = 'z-score'": ['Did you mean "zscore"?'],
    "[augmentation]\npreset = 'strog'": ['`augmentation.preset` must be one of "none"', 'Did you mean "strong"?'],
    "[augmentation]\nrotaton = 3": ["Unknown key `rotaton` in [augmentation]", "Did you mean `rotation`?"],
    "[validation]\nmirror = 1": ["`validation.mirror` must be a list of axes"],
    "[inference]\noverlap = 1": ["`inference.overlap` must be a number of at least 0 and below 1"],
    "[training]\nloss = dice": ["this is no TOML", "Texts need quotes"],
    "[training]\nepochs = 1\nepochs = 2": ["this is no TOML"],
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_what_is_wrong_in_a_file_is_named_with_the_file(text, written):
    path = written(text)
    with pytest.raises(ValueError) as caught:
        Recipe.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for part in WRONG_FILES[text]:
        assert part in message
    assert "\n" not in message


INCONSISTENT = {
    "training.patch": ((30, 32, 8), "`training.patch` is [30, 32, 8]", "nearest patch is [32, 32, 8]"),
    "data.spacing": ((1.0, 1.0), "`data.spacing` is [1.0, 1.0], for 2 axes", "`training.patch`"),
    "network.strides": (((2, 2), 2), "`network.strides[0]` is [2, 2], for 2 axes", "for 3"),
    "network.filters": ((8, 16), "2 levels and `network.strides` 2 steps", "Expected 1 strides"),
    "network.options.kernal_size": (3, "Unknown option `kernal_size`", 'Did you mean "kernel_size"?'),
    "network.options.loss": ("dice", "is set by `loss.loss`", "Set it there"),
    "network.options.num_classes": (4, "follows from the data", "Leave it out"),
    "loss.loss": ("tverski", "[loss] loss = 'tverski'", "Did you mean 'tversky'"),
    "loss.options.gama": (3, "[loss]", "gama"),
    "loss.options.from_logits": (True, "follows from the network", "Leave it out"),
    "validation.mirror": ((0, 3), "`validation.mirror` is [0, 3]", "from 0 to 2"),
    "inference.mirror": ((1, 1), "`inference.mirror` is [1, 1]", "different axes"),
    "augmentation.rotation": (500, "[augmentation]", "`rotation` must be a number from 0 to 180"),
}


@pytest.mark.parametrize("key", INCONSISTENT)
def test_values_that_do_not_fit_each_other_are_refused(key, recipe):
    value, *parts = INCONSISTENT[key]
    with pytest.raises(ValueError) as caught:
        recipe.replace(**{key: value})
    for part in parts:
        assert part in str(caught.value)


def test_a_complete_file_that_does_not_fit_names_the_file(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    recipe.save(path)
    path.write_text(path.read_text().replace("patch = [32, 32, 8]", "patch = [31, 32, 8]"))
    with pytest.raises(ValueError, match="with these `network") as caught:
        Recipe.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_a_folder_and_bytes_are_told_apart(tmp_path, written):
    with pytest.raises(ValueError, match="there is no such file"):
        Recipe.load(tmp_path / "nothing.toml")
    (tmp_path / "recipe.toml").write_text("")
    with pytest.raises(ValueError, match=r"this is a folder.*Did you mean .*recipe\.toml\?"):
        Recipe.load(tmp_path)
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        Recipe.load(path)


def test_a_missing_key_without_a_default_is_named():
    tables = {**TABLES_OF_A_RECIPE, "training": {"patch": (32, 32, 8)}}
    with pytest.raises(ValueError, match=r"`training\.batch_size` is missing\. It must be a whole number"):
        Recipe.from_dict(tables)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 0.5}, "key of several tables. Write `validation.overlap` or `inference.overlap`"),
        ({"epoch": 3}, 'Unknown key `epoch`. Did you mean "epochs"?'),
        ({"training.epoch": 3}, "Did you mean `epochs`?"),
        ({"trainin.epochs": 3}, "Unknown table [trainin]"),
        ({"training.epochs.first": 3}, "has no keys of its own"),
        (["epochs"], "Expected `table.key=value`"),
        (["training.epochs=many"], "`training.epochs` must be a whole number of at least 1. Received: 'many'"),
    ],
)
def test_overrides_that_cannot_be_are_named(options, message):
    with pytest.raises(ValueError) as caught:
        partial.overrides(options, source="--set")
    assert message in str(caught.value)
    assert str(caught.value).startswith("--set: ")


def test_tables_check_their_values_when_they_are_made():
    with pytest.raises(ValueError, match=r"training\.epochs"):
        TrainingTable(patch=(8, 8), batch_size=1, epochs=0, steps_per_epoch=1)
    with pytest.raises(ValueError, match="Unknown key `sharpen`"):
        AugmentationTable(changes={"sharpen": 1})


def test_the_augmentation_of_a_recipe(recipe):
    made = recipe.augmentation.make(3)
    assert made.rotation == 10.0
    assert made.flip == (0.5, 0.0, 0.5)
    assert AugmentationTable("none").make(2).rotation_probability == 0


def test_a_recipe_that_cannot_be_written_says_so(recipe, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="a file and not a folder"):
        recipe.save(tmp_path / "file" / "recipe.toml")
