"""Every backend gives the same values and gradients, and the epoch reaches its compiled step."""

import battery
import keras
import numpy as np
import pytest
from loss_cases import EVERY


def results_of(background, backend):
    if background is None:
        pytest.skip(f"{backend} is not installed")
    with np.load(background.wait() / "battery.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def jax_results(jax_battery):
    return results_of(jax_battery, "jax")


@pytest.fixture(scope="module")
def torch_results(torch_battery):
    return results_of(torch_battery, "torch")


@pytest.fixture(scope="module")
def here():
    """What the backend of this process gives, one loss after the other."""
    known = {}

    def results(text):
        if text not in known:
            known[text] = battery.run(text)
        return known[text]

    return results


def assert_same(results, expected):
    for key, wanted in expected.items():
        at_a_corner, is_value = "corners" in key, key.endswith("values")
        if at_a_corner and not is_value:
            # There voxels tie, and which of them gets the gradient is the backend's choice; finite it must be.
            assert np.all(np.isfinite(results[key])), key
            continue
        # At a corner sums cancel to what rounding leaves of them.
        absolute = (1e-4 if at_a_corner else 1e-6) if is_value else 1e-5 * np.abs(wanted).max()
        np.testing.assert_allclose(results[key], wanted, 1e-5 if is_value else 1e-3, absolute, err_msg=key)


@pytest.mark.parametrize("text", EVERY)
def test_jax_gives_the_same(text, here, jax_results):
    assert_same(jax_results, here(text))


@pytest.mark.parametrize("text", EVERY)
def test_torch_gives_the_same(text, here, torch_results):
    assert_same(torch_results, here(text))


def assert_the_epoch_arrives(results):
    """With a learning rate of 0 the loss changes by the weight alone."""
    weights = [0.1, 0.3, 0.4]
    dice, boundary = (float(results[f"schedule|expected|{part}"]) for part in ("dice", "boundary"))
    assert abs(boundary) > 0.01
    for name, expected in (("through", weights), ("resumed", weights[-1:])):
        np.testing.assert_allclose(results[f"schedule|{name}|weights"], expected, rtol=1e-5)
        losses = [dice + weight * boundary for weight in expected]
        np.testing.assert_allclose(results[f"schedule|{name}|losses"], losses, rtol=1e-5)


def test_the_epoch_reaches_the_compiled_step():
    assert_the_epoch_arrives(battery.scheduled_training())


def test_the_epoch_reaches_the_compiled_step_of_jax(jax_results):
    assert_the_epoch_arrives(jax_results)


def test_the_epoch_reaches_the_step_of_torch(torch_results):
    assert_the_epoch_arrives(torch_results)


def test_the_battery_ran_elsewhere(jax_results):
    """The results of the other process cover every loss, and this process is not the other."""
    assert {key.split("|")[0] for key in jax_results} == {*EVERY, "schedule"}
    assert keras.backend.backend() == "tensorflow"
