"""What a run gets at its end: whole-case scores of all validation cases, and pictures."""

import math

import numpy as np

from keras_seg import metrics
from keras_seg.files import write_text
from keras_seg.saving import load_model
from keras_seg.terminal import say, tracker
from keras_seg.training.callbacks.checkpoint import to_csv
from keras_seg.training.callbacks.validation import score_case
from keras_seg.training.fitting import case_predictor
from keras_seg.training.pictures import overlay_cases, plot_curves


def finish(setup, cases, folder, state, console=None, brief=False):
    """Write `validation.csv`, `curves.png` and `overlay.png` of a run, with its best model.

    Args:
        setup: `Setup`.
        cases: `PreparedCases`, those of validation among them.
        folder: `RunFolder`.
        state: `TrainingState`.
        console: `rich.console.Console` or `None`.
        brief: The curves alone, since somebody waits.
    """
    plot_curves(folder.curves, state.rows, title=folder.path.name)
    if brief or not state.best_epoch:
        return
    names = setup.split.validation
    predict = case_predictor(load_model(folder.best), setup.recipe, setup.fingerprint.num_classes)
    missing = [name for name in names if name not in state.best_table]
    progress = tracker(console, "scoring") if missing else None
    table = dict(state.best_table)
    for name in progress(missing) if progress else missing:
        table[name] = score_case(
            cases.by_name(name),
            predict,
            setup.fingerprint.num_classes,
            setup.recipe.loss.ignore_class,
        )
    table = {name: table[name] for name in names}
    dice = metrics.mean_dice(list(table.values()))
    if missing:
        say(console, f"Dice of the best epoch on all {len(names)} validation cases: {dice:.4f}.")
    write_text(folder.validation, to_csv(_rows(table, setup.class_names)))
    title = f"{folder.path.name}: validation, epoch {state.best_epoch}, Dice {dice:.3f}"
    overlay_cases(folder.overlay, cases, names, table, predict, setup.class_names, title=title)


def _rows(table, class_names):
    """Return a row per case: its name, the mean over its classes, and each class; empty where one does not count."""
    rows = []
    for name, dice in table.items():
        known = [value for value in dice if not math.isnan(value)]
        values = {"dice": float(np.mean(known)) if known else math.nan}
        if len(class_names) > 1:
            values |= {f"dice_{label}": value for label, value in zip(class_names, dice)}
        rows.append({"case": name, **{key: "" if math.isnan(value) else value for key, value in values.items()}})
    return rows
