"""Look at a folder of images and masks: what is in it, and how it would be trained here.

Prints the pairs, sizes, spacings and class shares, every mistake that it finds, the recipe that `train` would choose
and why, and the memory and the minutes that training would take on this machine, by timing a few steps.
Trains nothing.
"""

from keras_seg.cli.arguments import add_cache_option, add_recipe_options, positive, recipe_overrides


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("data", metavar="DATA", help="folder of images/ and labels/, an MSD task or an nnU-Net raw data set")
    add("--minutes", type=positive, metavar="M", help="time that training may take; the epochs are chosen for it")
    add_cache_option(parser)
    add_recipe_options(parser)


def run(options, console):
    """Check the folder, and print the report."""
    from keras_seg import training

    report = training.check_data(
        options.data,
        minutes=options.minutes,
        fixed=recipe_overrides(options),
        cache=options.cache,
        console=console,
    )
    report.show(console)
