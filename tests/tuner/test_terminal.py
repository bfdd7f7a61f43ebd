"""What a search shows while it runs: lines and a live line."""

import io

from rich.console import Console

from keras_seg.terminal import clock_face, shorten
from keras_seg.tuner.progress import Progress, TrainingDisplay
from keras_seg.tuner.trial import Trial

TRIALS = [
    Trial(1, "dice", "dice", {}, 0.5, 2, 4, 3.2),
    Trial(2, "focal", "focal(gamma=2)", {"focal.gamma": 2.0}, reason="no [memory]"),
    Trial(3, "dice", "dice(class_weights=[1, 2])", {}, 0.75, 4, 4, 3.0),
]


def test_a_line_for_each_trial():
    console = Console(file=io.StringIO(), width=80)
    with Progress(3, 12, console) as progress:
        for trial in TRIALS:
            progress.begin(progress.place(trial.number), trial.loss)
            progress.end(trial, 4)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 3
    assert " ".join(lines[0].split()) == "trial 1/3 dice Dice 0.500 in epoch 2 0:03 *"
    assert "failed: no [memory]" in lines[1]
    assert "class_weights=[1, 2]" in lines[2]
    assert lines[2].endswith("*")


def test_the_live_line_tells_epoch_best_and_time_left():
    console = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
    with Progress(3, 12, console) as progress:
        progress.end(TRIALS[0], 4)
        progress.started -= 50
        progress.begin(progress.place(2), "focal(gamma=2)")
        display = TrainingDisplay(progress, 0, 4)
        display.set_params({"steps": 4})
        display.on_epoch_begin(0)
        display.on_train_batch_end(1, {"loss": 1.5})
        assert "epoch 1/4  loss 1.500  best 0.500" in progress._line
        display.on_train_batch_end(3, {"loss": 1.0})
        display.on_epoch_end(0, {"val_dice": 0.25})
        line = progress._render().plain
    assert "trial 2/3  focal(gamma=2)" in line
    # 5 of 12 epochs took 50 seconds.
    assert line.endswith("epoch 1/4  Dice 0.250  best 0.500  1:10 left")


def test_the_live_line_fits_a_narrow_terminal():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    progress = Progress(40, 40 * 120, console)
    progress.end(TRIALS[0], 120)
    progress.begin(progress.place(12), "focal_tversky(alpha=0.3, beta=0.7)")
    TrainingDisplay(progress, 0, 120).on_epoch_end(99, {"val_dice": 0.25})
    assert len(progress._line) <= 80


def test_what_was_trained_before_is_not_to_come():
    progress = Progress(3, 12, best=0.6)
    progress.skip(4)
    progress.end(TRIALS[0], 4)
    assert (progress.epochs, progress.done, progress.best) == (8, 4, 0.6)


def test_a_stopped_trial_says_where():
    console = Console(file=io.StringIO(), width=80)
    with Progress(3, 12, console) as progress:
        progress.end(Trial(1, "dice", "dice", val_dice=0.25, best_epoch=3, epochs=3, seconds=2.0, stopped=True), 4)
    assert " ".join(console.file.getvalue().split()).endswith("Dice 0.250 in epoch 3 0:02 stopped in epoch 3")


def test_times_and_long_texts():
    assert [clock_face(seconds) for seconds in (4.4, 65, 7384)] == ["0:04", "1:05", "2:03:04"]
    assert shorten("dice + focal", 6) == "dice …"
