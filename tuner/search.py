"""Search the loss, and its parameters, that segment your data best.

python tuner/search.py                                        the embedded data: 3D phantoms, under three minutes
python tuner/search.py DATA                                   a folder of images/ and labels/ (NIfTI, PNG, TIFF, NumPy)
python tuner/search.py DATA --losses all --trials 60 --epochs 40 --out RUN
python tuner/search.py DATA --losses dice_ce tversky "dice + 0.5 * focal(gamma=3)" --model vnet --oracle bayesian

It prints a leaderboard by validation Dice, then the Dice of the best model on test cases that the search has not seen,
and leaves leaderboard.csv, trials.png, best.keras, recipe.toml and overlay.png in the folder --out.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time

LOSSES = ("dice_ce", "dice", "tversky", "focal_tversky", "cross_entropy")


def main():
    """Run the search that the command line asks for, and return the exit status."""
    arguments = parse_arguments()
    started = time.monotonic()
    with quiet_start():
        import keras_tuner  # noqa: F401  (it loads the rest of TensorFlow)
        import rich.console

        from keras_seg import tuner
        from keras_seg.terminal import clock_face
    console = rich.console.Console()
    try:
        status = run(arguments, tuner, console)
    except (ValueError, OSError) as error:
        print(f"search.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("search.py: stopped", file=sys.stderr)
        return 130
    console.print(f"{clock_face(time.monotonic() - started)} in all", highlight=False)
    return status


def run(arguments, tuner, console):
    """Search, report, write; return the exit status."""
    from keras_seg import overlay
    from keras_seg.tuner.report import dice_table, leaderboard_table

    tuner.check_folder(arguments.out, arguments.overwrite)
    task = tuner.load_task(
        arguments.data,
        test=arguments.test,
        validation=arguments.validation,
        limit=arguments.cases,
        divisor=2 ** (len(arguments.filters) - 1),
        seed=arguments.seed,
        progress=lambda pairs: track(pairs, console),
    )
    console.print(describe(task), markup=False, highlight=False, soft_wrap=True)
    model = {"filters": arguments.filters, "learning_rate": arguments.learning_rate}
    result = tuner.search(
        tuner.zoo_builder(arguments.model, task.input_shape, task.num_classes, **model),
        task.arrays("train"),
        task.arrays("validation"),
        losses=arguments.losses,
        oracle=arguments.oracle,
        trials=arguments.trials,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size or (1 if len(task.shape) == 3 else 4),
        seed=arguments.seed,
        folder=arguments.out,
        overwrite=arguments.overwrite,
        console=console,
    )
    console.print(leaderboard_table(result))
    tables = {"model": {"name": arguments.model, **model}, **task.recipe()}
    if result.interrupted or not any(not trial.failed for trial in result.trials):
        result.write(**tables)
        what = "stopped" if result.interrupted else "every trial failed"
        print(f"search.py: {what}; see {arguments.out}", file=sys.stderr)
        return 130 if result.interrupted else 1
    report = task.test(result.best_model)
    if report is not None:
        console.print(dice_table(report))
        tables["result"] = {"test_dice": report.dice}
        overlay.overlay(
            f"{arguments.out}/overlay.png",
            report.cases,
            report.predictions,
            columns=overlay.COLUMNS,
            max_cases=4,
            scores=report.table,
            class_names=report.class_names,
            title=result.best.loss,
        )
    result.write(**tables)
    console.print(f"Best loss: {result.best.loss}", markup=False, highlight=False, soft_wrap=True)
    written = ", ".join(sorted(os.listdir(arguments.out)))
    console.print(f"Written to {arguments.out}: {written}", markup=False, highlight=False, soft_wrap=True)
    return 0


def describe(task):
    """Return one line on the data."""
    sizes = " x ".join(map(str, task.shape))
    train, validation, test = map(len, task.split)
    parts = f"{train} to train, {validation} to validate, {test} to test"
    return f"{len(task.cases)} cases of {sizes} ({task.source}): {parts}; {task.num_classes} classes"


def track(pairs, console):
    """Show how far the reading of files is."""
    import rich.progress

    if not console.is_terminal:
        return pairs
    return rich.progress.track(pairs, description="Reading", console=console, transient=True)


@contextlib.contextmanager
def quiet_start():
    """Hold back what TensorFlow writes while it is loaded, before it can be told not to; on an error it is shown."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def parse_arguments():
    """Read the command line."""
    usage, _, text = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=usage, epilog=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA", help="folder of images/ and labels/; without it phantoms are made")
    add("--losses", nargs="+", metavar="LOSS", default=list(LOSSES), help=f"names, texts, or all ({' '.join(LOSSES)})")
    add("--model", default="unet", help="unet or vnet (unet)")
    add("--filters", nargs="+", type=int, metavar="N", default=[8, 16, 32], help="width of each level (8 16 32)")
    add("--oracle", default="random", help="random, bayesian, hyperband or grid (random)")
    add("--trials", type=int, metavar="N", help="number of trials (7; as many as it takes for hyperband and grid)")
    add("--epochs", type=int, metavar="E", default=8, help="epochs of a trial (8)")
    add("--batch-size", type=int, metavar="N", help="cases in a batch (1 in 3D, 4 in 2D)")
    add("--learning-rate", type=float, metavar="R", default=0.005, help="of Adam (0.005)")
    add("--test", type=int, metavar="N", help="number of test cases (a fifth, at most 20)")
    add("--validation", type=int, metavar="N", help="number of validation cases (a fifth, at most 20)")
    add("--cases", type=int, metavar="N", help="use the first N cases only")
    add("--seed", type=int, metavar="S", default=0, help="of the split, the search and the weights (0)")
    add("--out", metavar="DIR", default="runs/search", help="folder to write into (runs/search)")
    add("--overwrite", action="store_true", help="let DIR hold an earlier search")
    arguments = parser.parse_args()
    if arguments.trials is None and arguments.oracle in ("random", "bayesian"):
        arguments.trials = max(7, len(arguments.losses))
    return arguments


if __name__ == "__main__":
    sys.exit(main())
