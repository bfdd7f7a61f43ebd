"""What is installed, and what an import costs."""

import importlib.metadata
import json
import subprocess
import sys

import pytest

IMPORTS = """
import json, sys
import keras
before = {name.split(".")[0] for name in sys.modules}
import keras_seg
after = {name.split(".")[0] for name in sys.modules}
keras_seg.data, keras_seg.overlay, keras_seg.tuner, keras_seg.zoo
keras_seg.training, keras_seg.inference, keras_seg.evaluation, keras_seg.comparison
later = {name.split(".")[0] for name in sys.modules}
print(json.dumps([sorted(after - before), sorted(later - after)]))
"""


def test_import_loads_nothing_but_keras_and_numpy():
    run = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    first, later = json.loads(run.stdout.splitlines()[-1])
    standard = set(sys.stdlib_module_names)
    assert set(first) - standard == {"keras_seg"}
    assert set(later) - standard == set()


def test_the_wheel_holds_keras_seg_alone():
    files = importlib.metadata.files("keras-seg")
    if any(str(file).endswith((".pth", "__editable___keras_seg_finder.py")) for file in files):
        pytest.skip("the package is installed in editable mode; its files are those of the checkout")
    # The command stands outside of the packages, in the environment's folder of programs.
    assert [file.stem for file in files if file.parts[0] == ".."] == ["keras-seg"]
    tops = {file.parts[0] for file in files} - {".."}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_seg"}
