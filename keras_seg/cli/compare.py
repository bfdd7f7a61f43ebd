"""Train the same network once per loss and seed, and say how the losses differ and how sure that is.

Everything but the loss is equal: initial weights, batches, augmentation, number of steps. Killed or stopped at any
moment, the same command goes on; with other --losses or more --seeds it adds them to what is there. OUT holds
report.html (one file, with its pictures), report.md, tables as CSV, and every run.

  keras-seg compare DATA --out OUT                                the five losses of the original comparison
  keras-seg compare DATA --losses dice_ce "mine=dice + 0.5 * focal" --model vnet --seeds 3 --test 20 --out OUT
  keras-seg compare DATA --losses original dice_ce --out OUT      the five, and one more
  keras-seg compare DATA --sweep "focal(gamma=0|1|2|4)" --out OUT
"""

import sys

from keras_seg.cli.arguments import add_cache_option, add_recipe_options, positive, recipe_overrides


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("recipe", nargs="?", metavar="RECIPE.toml", help="recipe to follow, whole or in part")
    add("data", metavar="DATA", help="folder of images/ and labels/, an MSD task or an nnU-Net raw data set")
    add("--losses", nargs="+", metavar="LOSS", help="names or texts, LABEL=TEXT to call one otherwise (the five)")
    add("--sweep", nargs="+", default=[], metavar="TEXT", help='values of a parameter: "focal(gamma=0|1|2|4)"')
    add("--out", metavar="OUT", default="runs/compare", help="folder of the comparison (runs/compare)")
    add("--seeds", type=int, metavar="N", default=3, help="trainings of each loss (3)")
    add("--test", type=int, metavar="N", default=10, help="test cases (10)")
    add("--validation", type=int, metavar="N", help="validation cases (a fifth, at most 20)")
    add("--split-seed", type=int, metavar="S", default=0, help="of the draw (0)")
    add("--groups", metavar="CSV", help="table with columns name, group: cases of a group (patient) stay on one side")
    rates = "tried for each loss on the first seed; the best by validation Dice is taken"
    add("--learning-rates", nargs="+", type=positive, default=[], metavar="R", help=rates)
    add("--minutes", type=positive, metavar="M", help="time of one training here; the steps of all follow from it")
    add("--deterministic", action="store_true", help="the same weights again from the same recipe and seed; slower")
    add("--overwrite", action="store_true", help="replace what stands in OUT")
    add_cache_option(parser)
    add_recipe_options(parser, loss=False)


def run(options, console):
    """Compare, and print the conclusions and where the report lies."""
    import keras_seg
    from keras_seg.comparison.record import command_line

    found = keras_seg.compare(
        options.data,
        options.out,
        losses=options.losses,
        sweeps=options.sweep,
        seeds=options.seeds,
        test=options.test,
        learning_rates=options.learning_rates,
        recipe=options.recipe,
        minutes=options.minutes,
        validation=options.validation,
        split_seed=options.split_seed,
        groups=options.groups,
        deterministic=options.deterministic,
        overwrite=options.overwrite,
        cache=options.cache,
        console=console,
        command=command_line(sys.argv[1:]),
        **recipe_overrides(options),
    )
    return 130 if found.interrupted else 0
