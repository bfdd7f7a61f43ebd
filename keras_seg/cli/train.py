"""Train a network on a folder of images and masks, into a run folder.

Validates on whole cases and keeps the model with the best Dice. Ctrl-C leaves a usable run; --resume goes on after
that, or after a crash. The run folder holds recipe.toml, split.json, log.csv, best.keras, curves.png and overlay.png.

  keras-seg train DATA --out RUN --minutes 25
  keras-seg train DATA --model vnet --loss "dice + focal" --test 20 --out RUN
  keras-seg train zoo/hippocampus-unet/recipe.toml DATA --out RUN
"""

from keras_seg.cli.arguments import add_cache_option, add_recipe_options, positive, recipe_overrides


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("recipe", nargs="?", metavar="RECIPE.toml", help="recipe to follow, whole or in part")
    add("data", metavar="DATA", help="folder of images/ and labels/, an MSD task or an nnU-Net raw data set")
    add("--out", metavar="RUN", default="runs/train", help="run folder to write (runs/train)")
    add("--minutes", type=positive, metavar="M", help="time that all of it may take; the epochs are chosen for it")
    add("--resume", action="store_true", help="go on with what stands in RUN")
    add("--overwrite", action="store_true", help="replace what stands in RUN")
    add("--seed", type=int, metavar="S", help="of weights, patches and augmentation (0)")
    add("--deterministic", action="store_true", help="the same weights again from the same recipe and seed; slower")
    add("--tensorboard", action="store_true", help="write a TensorBoard log into RUN too")
    add_cache_option(parser)
    group = parser.add_argument_group("split")
    add = group.add_argument
    add("--test", type=int, metavar="N", default=0, help="cases kept apart for the test (0)")
    add("--validation", type=int, metavar="N", help="validation cases (a fifth, at most 20)")
    add("--split-seed", type=int, metavar="S", default=0, help="of the draw (0)")
    add("--folds", type=int, metavar="K", help="split into K folds instead, and validate on fold --fold")
    add("--fold", type=int, metavar="F", default=0, help="from 0 to K - 1 (0)")
    add("--groups", metavar="CSV", help="table with columns name, group: cases of a group (patient) stay on one side")
    add_recipe_options(parser)


def run(options, console):
    """Train, and print where the run lies and how to use it."""
    import keras_seg

    trained = keras_seg.train(
        options.data,
        out=options.out,
        recipe=options.recipe,
        minutes=options.minutes,
        test=options.test,
        validation=options.validation,
        split_seed=options.split_seed,
        folds=options.folds,
        fold=options.fold,
        groups=options.groups,
        seed=options.seed,
        resume=options.resume,
        overwrite=options.overwrite,
        deterministic=options.deterministic,
        tensorboard=options.tensorboard,
        cache=options.cache,
        console=console,
        started=options.started,
        **recipe_overrides(options),
    )
    return 130 if trained.interrupted else 0
