"""Score a run on cases with labels, or a folder of masks against a folder of labels.

Prints a table, and writes it per case and class (Dice, IoU, HD95, surface Dice, volumes) with a summary:
95 % intervals over cases, and false positives on cases without the class.

  keras-seg evaluate RUN DATA                the test cases of the run's own data, or all cases of other data
  keras-seg evaluate MASKS DATA/labels       masks of any origin
"""

from keras_seg.cli.arguments import positive
from keras_seg.cli.loading import track


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
    from keras_seg.training import is_run

    progress = track(console, "Evaluating")
    if is_run(options.run_folder):
        result = keras_seg.load_run(options.run_folder).evaluate(
            options.data,
            part=options.part,
            tolerance=options.tolerance,
            mirror=options.mirror or None,
            out=options.out,
            progress=progress,
        )
    else:
        result = evaluation.evaluate_masks(
            options.run_folder, options.data, tolerance=options.tolerance, progress=progress
        )
        if options.out:
            result.write(options.out)
    result.show(console)
