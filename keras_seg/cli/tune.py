"""Search the loss, and its parameters, that segment your data best.

Trials train the same network with another loss and are compared by Dice on whole validation cases; what can hardly win
is stopped early. The best three and dice_ce are then trained anew with other seeds on other folds, and only that is
tested; the test cases are segmented once, by the winner and by dice_ce. Killed or stopped at any moment, the same
command goes on. OUT holds leaderboard.md and .csv, trials.png, best/ (a run), best.keras and recipe.toml.

  keras-seg tune                                      3D phantoms, in a few minutes
  keras-seg tune DATA --minutes 60 --out OUT          a folder of images/ and labels/, within an hour
  keras-seg tune DATA --losses dice tversky "dice + focal" --model vnet --oracle bayesian --trials 30 --epochs 40
  keras-seg tune DATA --set tversky.alpha=0.2:0.8 learning_rate=1e-4:1e-2:log "augmentation.preset=light|default"
  keras-seg train OUT/recipe.toml DATA --epochs 200 --test 20 --out RUN     train longer with what won
"""

import shlex
import sys
import time

from keras_seg.cli.arguments import add_cache_option, add_recipe_options, positive, recipe_overrides


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA", help="folder of images/ and labels/, an MSD task or an nnU-Net data set")
    add("--losses", nargs="+", metavar="LOSS", help="names, texts, or all (six of different kinds)")
    add("--out", metavar="OUT", help="folder of the search (runs/tune)")
    preset = "TOML file with options and parts of the recipe; search.py brings quick, standard and thorough along"
    add("--preset", metavar="FILE", help=preset)
    add("--oracle", metavar="NAME", help="random, bayesian, hyperband or grid (random)")
    add("--trials", type=int, metavar="N", help="number of trials (two per loss, 7 on phantoms; hyperband, grid: all)")
    minutes = "time that everything may take; the epochs follow from it (60, if there are no epochs)"
    add("--minutes", type=positive, metavar="M", help=minutes)
    seeds = "rounds of the confirmation, each with its seed and fold; 0: none (3, on phantoms 2)"
    add("--seeds", type=int, metavar="K", help=seeds)
    add("--no-early-stopping", action="store_true", help="train every trial to its end")
    add("--test", type=int, metavar="N", help="test cases (a fifth, at most 20)")
    add("--validation", type=int, metavar="N", help="validation cases (a fifth, at most 20)")
    add("--split-seed", type=int, metavar="S", help="of the split (0)")
    add("--groups", metavar="CSV", help="table with columns name, group: cases of a group (patient) stay on one side")
    add("--seed", type=int, metavar="S", help="of the search, the weights and the patches (0)")
    add("--tensorboard", action="store_true", help="write a TensorBoard log into each run")
    add("--overwrite", action="store_true", help="throw away the search that stands in OUT")
    add_cache_option(parser)
    add_recipe_options(parser, loss=False, searched=True)


# Options of the search that a preset may hold too.
SEARCH = ("losses", "oracle", "trials", "minutes", "seeds", "test", "validation", "split_seed", "groups", "seed")


def _command(options):
    """Return the command as it was typed."""
    typed = shlex.join(sys.argv[1:])
    return f"python tuner/search.py {typed}".rstrip() if hasattr(options, "presets") else f"keras-seg {typed}"


def run(options, console):
    """Search, and print the leaderboard, the conclusions and what was written."""
    import keras_seg
    from keras_seg.cli.presets import read_preset
    from keras_seg.terminal import clock_face, say

    searched, fixed = {}, {}
    if options.preset is not None:
        searched, fixed = read_preset(options.preset, getattr(options, "presets", None), SEARCH)
    searched |= {name: getattr(options, name) for name in SEARCH if getattr(options, name) is not None}
    ranges, options.set = [*searched.pop("set", []), *options.set], []
    result = keras_seg.tune(
        options.data,
        options.out,
        ranges=ranges,
        recipe=fixed or None,
        early_stopping=searched.pop("early_stopping", True) and not options.no_early_stopping,
        tensorboard=options.tensorboard,
        overwrite=options.overwrite,
        cache=options.cache,
        console=console,
        command=_command(options),
        started=options.started,
        **searched,
        **recipe_overrides(options),
    )
    if result.is_partial:
        say(console, f"This worker is done; the chief confirms and reports in {result.folder}.")
        return 0
    if result.trials:
        for table in result.tables():
            console.print(table)
    for sentence in result.conclusions:
        say(console, sentence.replace("**", "").replace("`", ""))
    written = result.written
    if written:
        say(console, f"Written to {result.folder}: {', '.join(path.name for path in written)}")
    say(console, f"{clock_face(time.monotonic() - options.started)} in all")
    if result.interrupted:
        say(console, "Interrupted; the same command goes on.")
        return 130
    return 0 if any(not trial.failed for trial in result.trials) else 1
