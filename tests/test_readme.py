"""The README's example runs, and its table names every loss."""

import pathlib
import re

import pytest

import keras_seg

README = pathlib.Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    namespace = {}
    exec(compile(code, "README.md", "exec"), namespace)
    assert str(namespace["model"].loss).startswith("dice(ignore_class=255) + 0.5 * focal(")


def test_the_table_names_every_loss():
    table = README.split("| family | losses |")[1].split("\n\n")[0]
    named = {name for name in re.findall(r"`(\w+)`", table) if len(name) > 1}
    assert named == set(keras_seg.losses.names())


@pytest.mark.parametrize("command", ["main", "test"])
def test_ci_finds_the_commands(command):
    assert re.search(rf"<!-- ci: {command} -->\n```console\npython3 -m venv .+\n```", README)
