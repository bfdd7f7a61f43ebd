"""A loss survives: as configuration, as text, and inside a saved model that another process loads."""

import copy
import json
import pickle

import keras
import numpy as np
import pytest
from loss_cases import COMPOUNDS, EVERY, QUICK, batch_of, every_loss, make, other_options, value

from keras_seg import losses
from keras_seg.losses import text as text_form

every_name = pytest.mark.parametrize("name", losses.names())


@every_name
def test_every_argument_survives_the_configuration(name):
    options = other_options(name)
    loss = losses.get(name, **options)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    assert config["registered_name"] == f"keras_seg>{type(loss).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert losses.get(config).get_config() == loss.get_config()
    for key, given in options.items():
        kept = getattr(again, key)
        assert kept == frozen(given), key


def frozen(given):
    """Return lists, and lists in lists, as the tuples that a loss keeps."""
    return tuple(frozen(item) for item in given) if isinstance(given, list) else given


@every_name
def test_the_configuration_holds_every_argument(name):
    loss = losses.get(name)
    assert set(loss.get_config()) == set(text_form.options_of(type(loss)))
    # An argument is an attribute of the same name.
    defaults = {key: given for key, given in losses.defaults(name).items() if given is not None}
    assert {key: getattr(loss, key) for key in defaults} == defaults


@pytest.mark.parametrize("text", COMPOUNDS)
def test_compounds_survive_the_configuration(text):
    loss = losses.get(text, from_logits=True, ignore_class=255, reduction="sum", dtype="float64")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config()
    assert [again.from_logits, again.ignore_class, again.reduction, again.dtype] == [True, 255, "sum", "float64"]
    assert str(again) == str(loss)
    assert str(losses.get(text)) == text


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_dtype_survives_the_configuration(text, dtype):
    """Keras's own losses lose it."""
    loss = losses.get(text, dtype=dtype)
    assert type(loss).from_config(loss.get_config()).dtype == dtype


# How to read the arrays is said by the caller, so a text does not say it.
NOT_IN_TEXT = ("from_logits", "multilabel", "data_format", "reduction", "name", "dtype")


@every_name
def test_every_parameter_survives_the_text(name):
    loss = losses.get(name, **other_options(name, leave_out=NOT_IN_TEXT))
    again = losses.get(str(loss))
    assert again.get_config() == loss.get_config()
    assert str(again) == str(loss)
    assert str(losses.get(name)) == name


@pytest.mark.parametrize(
    "number", [1 / 3, 0.1 + 0.2, 1e-17, 12345678.9, 1e22, np.float64(0.7), np.float32(0.7), np.int64(2)]
)
def test_numbers_survive_the_text_exactly(number):
    """As a tuner draws them and as NumPy gives them."""
    loss = losses.get("dice", smooth=number) * number
    again = losses.get(str(loss))
    assert again.terms()[0].smooth == number
    assert again.operands[1] == number


@every_loss
def test_the_value_survives_every_way(text):
    batch = batch_of("multiclass")
    loss = make(text)
    expected = value(loss, batch.labels, batch.probabilities)
    again = type(loss).from_config(loss.get_config())
    by_text = losses.get(str(loss), reduction=None)
    for other in (again, by_text, copy.copy(loss), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        np.testing.assert_array_equal(value(other, batch.labels, batch.probabilities), expected)


@every_loss
def test_changing_an_option_makes_another_loss(text):
    loss = losses.get(text, **QUICK.get(text, {}))
    changed = losses.get(loss, ignore_class=255, reduction="sum", from_logits=True)
    assert (changed.ignore_class, changed.reduction, changed.from_logits) == (255, "sum", True)
    assert (loss.ignore_class, loss.reduction, loss.from_logits) == (None, "sum_over_batch_size", None)
    assert all(member.ignore_class == 255 and member.from_logits for member in changed.members())
    assert str(changed.with_options(ignore_class=None)) == str(loss)
    assert losses.get(loss) is loss
    assert losses.get(loss, ignore_class=None) is loss


@pytest.fixture(scope="module")
def reports(saved_models):
    folder = saved_models.wait()
    return [json.loads((folder / f"{name}.json").read_text()) for name in ("saved", "loaded")]


@pytest.mark.parametrize(
    "name", [*losses.names(), *(f"compound_{k}" for k in range(len(COMPOUNDS))), "deep_supervision"]
)
def test_a_saved_model_is_loaded_by_a_new_process_with_its_loss(name, reports):
    saved, loaded = (report[name] for report in reports)
    assert loaded["config"] == saved["config"]
    assert loaded["text"] == saved["text"]
    np.testing.assert_allclose(loaded["value"], saved["value"], rtol=1e-6)
    assert np.isfinite(saved["value"])


def test_every_loss_was_saved(reports):
    assert len(reports[0]) == len(reports[1]) == len(EVERY) + 1
