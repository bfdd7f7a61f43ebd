"""What a search shows while it runs: lines and a live line."""

import io

from rich.console import Console

from keras_seg.terminal import clock_face, shorten
from keras_seg.tuner.progress import Progress
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
            progress.epoch(trial, 1, 4)
            progress.end(trial, 4)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 3
    assert " ".join(lines[0].split()) == "trial 1/3 dice Dice 0.500 in epoch 2 3 s *"
    assert "failed: no [memory]" in lines[1]
    assert "class_weights=[1, 2]" in lines[2]
    assert lines[2].endswith("*")


def test_the_live_line_tells_epoch_best_and_time_left():
    console = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
    with Progress(3, 12, console) as progress:
        progress.end(TRIALS[0], 4)
        progress.started -= 50
        progress.epoch(Trial(2, "focal", "focal(gamma=2)", val_dice=0.25, best_epoch=1), 1, 4)
        line = progress._render().plain
    assert "trial 2/3  focal(gamma=2)" in line
    # 5 of 12 epochs took 50 seconds.
    assert line.endswith("epoch 1/4  Dice 0.250  best 0.500  1:10 left")


def test_the_live_line_fits_a_narrow_terminal():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    progress = Progress(40, 40 * 120, console)
    progress.end(TRIALS[0], 120)
    progress.epoch(Trial(12, "focal", "focal_tversky(alpha=0.3, beta=0.7)", val_dice=0.25, best_epoch=1), 100, 120)
    assert len(progress._line) <= 80


def test_times_and_long_texts():
    assert [clock_face(seconds) for seconds in (4.4, 65, 7384)] == ["0:04", "1:05", "2:03:04"]
    assert shorten("dice + focal", 6) == "dice …"
