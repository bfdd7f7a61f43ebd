"""Score a run on cases with labels, or a folder of masks against a folder of labels.

Prints a table, and writes it per case and class (Dice, IoU, HD95, surface Dice, volumes) with a summary:
95 % intervals over cases, and false positives on cases without the class.

  keras-seg evaluate RUN DATA                the test cases of the run's own data
  keras-seg evaluate RUN OTHER --part all    all cases of other data
  keras-seg evaluate MASKS DATA/labels       masks of any origin
"""

import pathlib

from keras_seg.cli.arguments import positive
from keras_seg.terminal import tracker


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("run_folder", metavar="RUN", help="run folder of `keras-seg train`, or a folder of masks")
    add("data", metavar="DATA", help="folder of cases, or of labels")
    add("--part", choices=("test", "validation", "all"), help="which cases of the run's split (test, if there are any)")
    add("--tolerance", type=positive, metavar="MM", default=1.0, help="of the surface Dice, in mm (1)")
    add("--mirror", action="store_true", help="average over mirrored images")
    add("--out", metavar="DIR", help="folder for the tables (RUN/evaluation-PART)")


def run(options, console):
    """Evaluate, print the table and write it."""
    import keras_seg
    from keras_seg import evaluation

    progress = tracker(console, "Evaluating")
    if (pathlib.Path(options.run_folder) / "recipe.toml").is_file():
        trained = keras_seg.load_run(options.run_folder)
        part = options.part or ("test" if trained.split.test else "all")
        out = options.out or trained.folder / f"evaluation-{part}"
        result = trained.evaluate(
            options.data, part, out, tolerance=options.tolerance, mirror=options.mirror or None, progress=progress
        )
    else:
        out = options.out
        result = evaluation.evaluate_masks(
            options.run_folder, options.data, tolerance=options.tolerance, progress=progress
        )
        if out:
            result.write(out)
    result.table(console)
    if out:
        console.print(f"Written to {out}: cases.csv, summary.csv", markup=False, highlight=False, soft_wrap=True)
