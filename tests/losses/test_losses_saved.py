"""Models that were saved once open for ever, with the same loss, arguments and value (see `make_saved.py`)."""

import functools
import json

import keras
import numpy as np
import pytest
from make_saved import FOLDER, report

import keras_seg
from keras_seg import losses

pytestmark = pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras's loading warns on torch")


@functools.cache
def expected(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_every_loss_has_a_saved_model_and_every_saved_model_a_loss():
    for ending in (".keras", ".json"):
        saved = {path.stem for path in FOLDER.glob(f"*{ending}")}
        missing, unknown = sorted(set(losses.names()) - saved), sorted(saved - set(losses.names()))
        assert not missing, f"Run `python tests/losses/make_saved.py {' '.join(missing)}` and commit what it writes."
        assert not unknown, f"A registered name is for ever. There are saved models, but no losses: {unknown}"


@pytest.mark.parametrize("name", losses.names())
@pytest.mark.parametrize("load", [keras_seg.load_model, keras.saving.load_model], ids=["ours", "keras"])
def test_a_saved_model_opens_for_ever(name, load):
    wanted, found = expected(name), report(load(FOLDER / f"{name}.keras"))
    assert found["text"] == wanted["text"]
    np.testing.assert_allclose(found["value"], wanted["value"], rtol=1e-5, atol=1e-7)
    # A loss may get further arguments later, with defaults that change nothing; it loses none.
    assert found["config"]["registered_name"] == wanted["config"]["registered_name"]
    given = json.loads(json.dumps(found["config"]["config"]))
    assert {key: given[key] for key in wanted["config"]["config"]} == wanted["config"]["config"]


@pytest.mark.parametrize("name", losses.names())
def test_a_text_and_a_configuration_mean_the_same_for_ever(name):
    wanted = expected(name)
    by_config = keras.saving.deserialize_keras_object(wanted["config"])
    by_text = losses.get(wanted["text"])
    assert type(by_config) is type(by_text) is losses.registry.loss_class(name)
    shared = {key: getattr(by_config, key) for key in ("from_logits", "reduction", "name", "dtype")}
    assert by_text.with_options(**shared).get_config() == by_config.get_config()
