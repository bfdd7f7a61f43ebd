"""Options that several commands share, and how texts of the command line become values."""

import argparse
import math
import tomllib


def add_recipe_options(parser, loss=True, searched=False):
    """Add the options that override parts of the recipe.

    Args:
        parser: Parser of a command.
        loss: Whether there is one loss, which is a part of it.
        searched: Whether `--set` takes ranges too.
    """
    group = parser.add_argument_group("recipe", "What is not given is chosen from the data, the memory and the time.")
    add = group.add_argument
    add("--model", help="network of the zoo: unet or vnet")
    if loss:
        add("--loss", help='name or text of the loss, such as tversky or "dice + 0.5 * focal(gamma=3)"')
    add("--filters", nargs="+", type=int, metavar="N", help="width of each level, the finest first")
    add("--patch", nargs="+", type=int, metavar="N", help="size of a training patch, one number per axis, in voxels")
    add("--batch-size", type=int, metavar="N", help="patches in a batch")
    add("--epochs", type=int, metavar="N", help="epochs; chosen from --minutes if not given")
    add("--learning-rate", type=float, metavar="R", help="highest learning rate")
    add("--augmentation", metavar="PRESET", help="none, light, default or strong")
    add("--spacing", nargs="+", type=float, metavar="MM", help="voxel size to resample to, one number per axis, in mm")
    takes = "any other part of the recipe"
    if searched:
        takes += ", or of a loss (tversky.alpha=0.2:0.8); LOW:HIGH, LOW:HIGH:log and A|B|C are searched"
    add("--set", nargs="+", action="extend", default=[], metavar="TABLE.KEY=VALUE", help=takes)


SHORT = {
    "model": "network.model",
    "loss": "loss.loss",
    "filters": "network.filters",
    "patch": "training.patch",
    "batch_size": "training.batch_size",
    "epochs": "training.epochs",
    "learning_rate": "training.learning_rate",
    "augmentation": "augmentation.preset",
    "spacing": "data.spacing",
}


def recipe_overrides(options):
    """Return the parts of the recipe that the command line fixes, by dotted key.

    Raises:
        ValueError: If an entry of `--set` is not `TABLE.KEY=VALUE`.
    """
    given = {key: getattr(options, name, None) for name, key in SHORT.items()}
    found = {key: value for key, value in given.items() if value is not None}
    for entry in options.set:
        key, equals, text = entry.partition("=")
        if not equals or "." not in key:
            raise ValueError(
                f"--set takes TABLE.KEY=VALUE, such as training.weight_decay=0.01 or network.strides=[2,2]. "
                f"Received: {entry!r}."
            )
        found[key.strip()] = parse_value(text)
    return found


def parse_value(text):
    """Return the value of a text as TOML reads it; what TOML does not know is a text.

    >>> parse_value("[2, 2]"), parse_value("true"), parse_value("dice_ce")
    ([2, 2], True, 'dice_ce')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def positive(text):
    """Return a finite number above 0 of the command line."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a finite number above 0, but it is {text}")
    return value


def add_cache_option(parser):
    """Add `--cache`, for the commands that prepare cases."""
    parser.add_argument("--cache", metavar="DIR", help="where prepared cases are kept (the user's cache folder)")
