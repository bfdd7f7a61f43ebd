import io
import math

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from keras_seg.terminal import clock_face, open_console, say, tracker
from keras_seg.training.callbacks.checkpoint import to_csv
from keras_seg.training.callbacks.clock import Clock
from keras_seg.training.callbacks.display import Display
from keras_seg.training.pictures import plot_curves, worst_to_best
from keras_seg.training.state import TrainingState


def play(console):
    """Two epochs of two steps, the second one validated."""
    state = TrainingState()
    display = Display(console, epochs=2, steps=2, state=state, clock=Clock())
    with display:
        display.on_train_begin()
        for epoch in range(2):
            display.on_epoch_begin(epoch)
            for batch in range(2):
                display.on_train_batch_end(batch, {"loss": 0.5})
            logs = {"loss": 0.5}
            if epoch:
                display.validating(1, 2)
                state.best_epoch, state.best_dice = 2, 0.75
                logs["val_dice"] = 0.75
            display.on_epoch_end(epoch, logs)


def test_a_line_per_epoch_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=80)
    play(console)
    assert console.file.getvalue().splitlines() == [
        "epoch 1/2  loss 0.5000  0:00 left",
        "epoch 2/2  loss 0.5000  val_dice 0.7500*  0:00 left",
    ]


def test_a_bar_in_a_terminal_that_leaves_nothing_behind():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    play(console)
    text = console.file.getvalue()
    assert "best Dice 0.750 (epoch 2)" in text
    assert "left" in text
    assert text.endswith("\x1b[2K")


def test_silence():
    play(None)
    say(None, "nothing")
    assert open_console(None) is None
    assert tracker(None, "reading") is None
    assert isinstance(open_console("auto"), Console)


def test_brackets_are_no_markup():
    console = Console(file=io.StringIO(), width=80)
    say(console, "case [bold]1[/bold]")
    assert console.file.getvalue() == "case [bold]1[/bold]\n"


@pytest.mark.parametrize(("seconds", "face"), [(41.6, "0:42"), (725, "12:05"), (7384, "2:03:04")])
def test_clock_face(seconds, face):
    assert clock_face(seconds) == face


@pytest.mark.parametrize("epochs", [1, 30])
def test_curves_of_few_epochs_and_with_gaps(tmp_path, epochs):
    rows = [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "learning_rate": 0.1,
            **({"val_dice": 0.5, "val_dice_a$b": math.nan} if epoch % 2 else {}),
        }
        for epoch in range(1, epochs + 1)
    ]
    plot_curves(tmp_path / "curves.png", rows, title="run $1")
    with Image.open(tmp_path / "curves.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    assert not plot_curves(tmp_path / "none.png", []).exists()


def test_the_worst_and_the_best_are_shown():
    table = {"a": [0.9], "b": [0.5], "c": [0.7], "d": [math.nan]}
    assert worst_to_best(["a", "b", "c"], table, count=2) == ["b", "a"]
    assert worst_to_best(list(table), table, count=9) == ["b", "c", "a", "d"]


def test_csv_has_a_column_for_every_key():
    rows = [{"epoch": 1, "loss": 0.123456789, "seconds": 2.0}, {"epoch": 2, "val_dice": 0.5, "loss": 1.0}]
    assert to_csv(rows).splitlines() == ["epoch,loss,val_dice,seconds", "1,0.123457,,2", "2,1,0.5,"]
    assert to_csv([]) == "epoch\n"
