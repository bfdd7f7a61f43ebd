"""A check of a data set: what it finds, what it shows, and that it trains nothing."""

import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from keras_seg.data import split
from keras_seg.training import Resources, check_data
from keras_seg.training.recipes import recipe_file

MACHINE = Resources(cores=2, memory=8_000_000_000)


def write_cases(folder, count=8, shape=(32, 24)):
    """Write images with a bright square, and its mask of 0 and 255."""
    image_module = pytest.importorskip("PIL.Image")
    generator = np.random.default_rng(0)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for index in range(count):
        mask = np.zeros(shape, "uint8")
        mask[4 + index : 14 + index, 5:15] = 255
        image = (generator.integers(0, 100, shape) + mask // 2).astype("uint8")
        image_module.fromarray(image).save(folder / "images" / f"cell_{index}.png")
        image_module.fromarray(mask).save(folder / "labels" / f"cell_{index}.png")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = write_cases(tmp_path_factory.mktemp("cells"))
    cache = tmp_path_factory.mktemp("cache")
    fixed = {"filters": [4, 8], "training.batch_size": 2, "steps_per_epoch": 10}
    return check_data(folder, minutes=1, fixed=fixed, cache=cache, machine=MACHINE)


def test_what_is_found(report):
    assert report.fingerprint.rank == 2
    assert report.fingerprint.num_classes == 2
    assert report.recipe.network.filters == (4, 8)
    assert report.recipe.training.epochs == report.schedule.epochs > 1
    assert report.timing.measured
    assert report.schedule.minutes <= 1
    assert report.plan.memory < MACHINE.memory
    assert report.parameters > 0


def test_what_is_shown(report):
    console = Console(width=160, record=True, file=io.StringIO())
    report.show(console)
    shown = console.export_text()
    for part in (
        "8 cases (images/labels), 2D, 1 channel",
        "255",
        "32 x 24",
        "background",
        "13 %",
        "network.filters",
        "[4, 8]",
        "as given",
        "Machine: 2 cores, 8.0 GB of free memory, no GPU (tensorflow)",
        "Memory:  about 1.",
        "Time:    about",
        "steps of",
    ):
        assert part in shown
    for warning in report.plan.warnings:
        assert warning in shown


def test_the_recipe_of_a_check_is_one_to_train_with(report, tmp_path):
    report.recipe.save(tmp_path / "recipe.toml", report.plan.reasons)
    assert recipe_file.read(tmp_path / "recipe.toml")["training"]["epochs"] == report.schedule.epochs


def test_given_epochs_stay(report):
    again = dataclasses.replace(report, schedule=dataclasses.replace(report.schedule, epochs=3))
    assert again.recipe.training.epochs == 3


def test_what_is_given_is_shown_as_given(report):
    schedule = dataclasses.replace(report.schedule, every=7)
    given = {"validation": {"every": report.plan.recipe.validation.every}}
    again = dataclasses.replace(report, schedule=schedule, fixed=given)
    assert again.recipe.validation.every == report.plan.recipe.validation.every != 7
    assert again.recipe.training.epochs == schedule.epochs


def test_a_class_that_no_training_case_holds_is_told(tmp_path):
    """What `train` would refuse at once."""
    image_module = pytest.importorskip("PIL.Image")
    folder = write_cases(tmp_path / "cells")
    name = split([path.stem for path in (folder / "labels").iterdir()], 0, 1).validation[0]
    mask = np.array(image_module.open(folder / "labels" / f"{name}.png"))
    mask[:3, :3] = 128
    image_module.fromarray(mask).save(folder / "labels" / f"{name}.png")
    fixed = {"filters": [4, 8], "patch": [16, 16], "training.batch_size": 1}
    warnings = check_data(folder, fixed=fixed, cache=tmp_path / "cache", machine=MACHINE).plan.warnings
    assert any(f"validation case '{name}'" in text and "no training case holds" in text for text in warnings)


def test_mistakes_are_found_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match="Did you mean"):
        check_data(tmp_path / "nothing", fixed={"training.epoch": 3})
    with pytest.raises(ValueError, match="there is no such folder"):
        check_data(tmp_path / "nothing")
