import itertools

import keras
import numpy as np
import pytest

from keras_seg.training.callbacks.clock import Clock
from keras_seg.training.callbacks.learning_rate import DECAYS, LearningRate, decay


class FakeClock:
    share = 0.0


@pytest.mark.parametrize("schedule", DECAYS)
def test_decay_begins_at_one_and_never_grows(schedule):
    values = [decay(schedule, progress) for progress in np.linspace(0, 1, 11)]
    assert values[0] == 1
    assert all(later <= earlier for earlier, later in itertools.pairwise(values))
    assert values[-1] == pytest.approx(1 if schedule == "constant" else 0, abs=1e-12)


def test_poly_is_nnunets():
    assert decay("poly", 0.5) == pytest.approx(0.5**0.9)


def test_unknown_schedule():
    with pytest.raises(ValueError, match="must be one of"):
        LearningRate(1.0, "linear", 0, 1, 1, FakeClock())


def test_warm_up_and_decay():
    rate = LearningRate(1.0, "cosine", 4, epochs=5, steps=8, clock=FakeClock())
    assert [rate.rate_of(step) for step in range(4)] == pytest.approx(
        [(step + 1) / 4 * decay("cosine", step / 40) for step in range(4)]
    )
    assert rate.rate_of(20) == pytest.approx(0.5)


def test_the_clock_pulls_the_rate_down():
    rate = LearningRate(1.0, "cosine", 0, epochs=5, steps=8, clock=FakeClock())
    assert rate.rate_of(0, share=0.9) == pytest.approx(decay("cosine", 0.9))
    assert rate.rate_of(38, share=0.1) == pytest.approx(decay("cosine", 38 / 40))


def test_every_step_gets_its_rate_and_time_ends_the_training():
    clock = FakeClock()
    rate = LearningRate(0.5, "cosine", 0, epochs=3, steps=4, clock=clock)
    seen = []

    class Spy(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

        def on_train_batch_end(self, batch, logs=None):
            if len(seen) == 6:
                clock.share = 1.0

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    x = np.zeros((8, 2), "float32")
    model.fit(x, x[:, :1], batch_size=2, epochs=3, verbose=0, callbacks=[Spy(), rate, Spy()])
    # Before and after the callback; the seventh step sees that the time is over.
    assert seen[1::2][:3] == pytest.approx([0.5 * decay("cosine", step / 12) for step in range(3)])
    assert rate.out_of_time
    assert len(seen) < 12


def test_clock_counts_earlier_starts(monkeypatch):
    clock = Clock(minutes=2, before=30.0)
    clock.begin_training(20.0)
    clock.reserve = 10.0
    monkeypatch.setattr(Clock, "elapsed", 65.0)
    assert clock.left == 45.0
    assert clock.share == pytest.approx((65 - 20) / (120 - 10 - 20))
    monkeypatch.setattr(Clock, "elapsed", 500.0)
    assert clock.share == 1.0
    assert Clock().share == 0.0
    assert Clock().left is None
