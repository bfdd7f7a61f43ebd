"""What a step takes: operations against a count by hand, memory against that of a process that trains."""

import json
import pathlib
import subprocess
import sys

import keras
import pytest

from keras_seg.training import memory_of
from keras_seg.training.planning.workload import BESIDE, KEPT, workload
from keras_seg.zoo import unet, vnet

SCRIPT = pathlib.Path(__file__).with_name("peak_memory.py")


def test_operations_of_a_small_network_by_hand():
    model = unet((None, None, 1), num_classes=2, filters=(4, 8), convolutions=1)
    # Per pixel of the finest level, two operations for each weight of a kernel: down 9 x 1 x 4, below 9 x 4 x 8 at a
    # quarter of the pixels, up 8 x 4 (each pixel gets one of the four positions), then 9 x 8 x 4 and 4 x 2.
    expected = 2 * (9 * 1 * 4 + 9 * 4 * 8 / 4 + 8 * 4 + 9 * 8 * 4 + 4 * 2)
    assert workload(model, (16, 8)).flops == expected * 16 * 8


def test_values_of_a_plain_network_by_hand():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(5, 3, padding="same")(inputs)
    x = keras.layers.MaxPooling2D(2)(x)
    model = keras.Model(inputs, x)
    work = workload(model, (8, 8))
    assert work.values == pytest.approx(KEPT * (5 * 64 + 5 * 16) + BESIDE * 5 * 64)
    assert work.parameters == 5 * (27 + 1)
    assert work.memory(2) == int(2 * 4 * work.values) + work.parameters * 4 * 5


def test_memory_grows_with_batch_and_patch():
    model = vnet((None, None, None, 1), filters=(4, 8))
    one = memory_of(model, (16, 16, 16), 1)
    two = memory_of(model, (16, 16, 16), 2)
    large = memory_of(model, (32, 16, 16), 1)
    weights = 5 * 4 * model.count_params()
    assert two - weights == pytest.approx(2 * (one - weights))
    assert large == pytest.approx(two)


def test_the_optimizer_counts_what_it_keeps():
    plain = unet((None, None, 1), filters=(4, 8), loss="dice", optimizer=keras.optimizers.SGD(0.1))
    averaged = unet((None, None, 1), filters=(4, 8), loss="dice", optimizer=keras.optimizers.AdamW(use_ema=True))
    assert workload(plain, (8, 8)).copies == 2
    assert workload(averaged, (8, 8)).copies == 5


def test_half_precision_takes_half():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = unet((None, None, 1), filters=(4, 8))
    finally:
        keras.config.set_dtype_policy("float32")
    assert workload(model, (8, 8)).bytes_per_value == 2


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="measured with TensorFlow")
def test_the_estimate_is_above_what_a_training_holds_and_not_far_above():
    command = [sys.executable, str(SCRIPT), "--filters", "8", "16", "--patch", "64", "64", "64", "--batch", "3"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = json.loads(answer.splitlines()[-1])
    taken = max(found["peak"], found["end"])
    assert taken < found["process"] + found["estimate"]
    assert found["estimate"] < 2 * (taken - found["before"])
