"""The recipes of `zoo/` can be followed, and its README lists them."""

import pathlib
import re

import pytest

from keras_seg import losses
from keras_seg.training import Recipe

ZOO = pathlib.Path(__file__).parents[1] / "zoo"
ENTRIES = sorted(path.name for path in ZOO.iterdir() if path.is_dir())
COMPARISON = "comparison"
TUNED = [entry for entry in ENTRIES if entry.startswith("tuned-")]
TRAINED = [entry for entry in ENTRIES if entry not in (COMPARISON, *TUNED)]


def test_the_readme_lists_every_entry():
    listed = re.findall(r"\]\(([\w-]+)/card\.md\)", (ZOO / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == ENTRIES


def test_the_recipes_of_the_comparison_are_whole():
    recipes = sorted((ZOO / COMPARISON).glob("*.toml"))
    card = (ZOO / COMPARISON / "card.md").read_text(encoding="utf-8")
    assert recipes
    for path in recipes:
        assert isinstance(Recipe.load(path), Recipe)
        assert f"<!-- {path.stem} -->\n\n|" in card


@pytest.mark.parametrize("entry", TUNED)
def test_a_search_is_whole(entry):
    folder = ZOO / entry
    recipe, card = Recipe.load(folder / "recipe.toml"), (folder / "card.md").read_text(encoding="utf-8")
    # The recipe says every argument, the sentence only those that are not the default.
    assert f"he chosen loss, `{losses.get(recipe.loss.loss)}`" in card
    assert "keras-seg tune DATA" in card
    for picture in re.findall(r"!\[.*\]\((.+)\)", card):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("entry", TRAINED)
def test_an_entry_is_whole(entry):
    folder = ZOO / entry
    recipe = Recipe.load(folder / "recipe.toml")
    assert isinstance(recipe, Recipe), "a recipe of the zoo leaves nothing to be chosen"
    assert recipe.network.model == entry.rpartition("-")[2]
    card = (folder / "card.md").read_text(encoding="utf-8")
    assert f"keras-seg train zoo/{entry}/recipe.toml DATA" in card
    assert (folder / "overlay.png").read_bytes().startswith(b"\x89PNG")
