"""`main`: reads the command line, loads what the command needs, and says what went wrong in one line."""

import argparse
import os
import sys
import time

from keras_seg.cli import check, compare, derive, evaluate, predict, train, tune
from keras_seg.cli.loading import quiet_loading

COMMANDS = (check, train, predict, evaluate, compare, tune, derive)
INTERRUPTED = 130
STYLE = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}

EPILOG = """\
keras-seg check    DATA                      what is in a folder, and how it would be trained here; trains nothing
keras-seg train    DATA --out RUN            a trained network in a run folder
keras-seg predict  RUN IMAGES --out MASKS    masks with the images' format, affine and header
keras-seg evaluate RUN DATA                  Dice, IoU, HD95, surface Dice per case and class
keras-seg compare  DATA --out OUT            the same network once per loss: tables, tests, pictures
keras-seg tune     DATA --out OUT            the loss, and its parameters, that segment this data best
keras-seg derive   DATA NEW --merge 1 2      the same images with other labels: classes merged, borders, phantoms

DATA is a folder of images/ and labels/ (same names in both), an MSD task or an nnU-Net raw data set; NIfTI, PNG, TIFF
or NumPy files. `keras-seg COMMAND --help` lists the options of a command.
"""


def main(arguments=None):
    """Run the command line.

    Args:
        arguments: List of texts; what the program was called with by default.

    Returns:
        The exit status: 0 for success, 1 where part of the work failed, 2 for what the user has to change, 130 after
        Ctrl-C.
    """
    started = time.monotonic()
    options = parse(arguments)
    return carry_out(options, f"keras-seg {options.command}", started)


def main_of(command, program, arguments=None, *, text, **more):
    """Run a script that is one of the commands.

    Args:
        command: Module of the command.
        program: Name of the script, for messages.
        arguments: As in `main`.
        text: What its `--help` says: a line, and more below the options.
        **more: Options that the script knows and no user gives.

    Returns:
        As `main`.
    """
    started = time.monotonic()
    usage, _, text = text.partition("\n")
    parser = argparse.ArgumentParser(prog=program, description=usage, epilog=text.strip("\n"), **STYLE)
    command.add_arguments(parser)
    options = parser.parse_args(arguments)
    vars(options).update(run=command.run, **more)
    return carry_out(options, program, started)


def carry_out(options, program, started):
    """Load what a command needs, run it, and return the exit status."""
    # Loading TensorFlow counts as well, where a command has a time limit.
    options.started = started
    try:
        with quiet_loading():
            import rich.console

            import keras_seg.losses  # noqa: F401  (the rest of TensorFlow, under the command's own silence)
        console = rich.console.Console()
        return options.run(options, console) or 0
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has left; Python would complain once more while it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        # A message of several lines keeps them: a difference of two recipes is a list.
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: stopped\n")
        return INTERRUPTED


def parse(arguments=None):
    """Return the options of a command line; `--help` and mistakes end the program, as `argparse` does."""
    parser = argparse.ArgumentParser(
        prog="keras-seg",
        description="From a folder of images and masks to a trained, judged and usable segmentation network.",
        epilog=EPILOG,
        **STYLE,
    )
    parser.add_argument("--version", action="version", version=f"keras-seg {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        usage, _, text = command.__doc__.partition("\n")
        subparser = commands.add_parser(
            command.__name__.rpartition(".")[2],
            help=usage,
            description=usage,
            epilog=text.strip(),
            **STYLE,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser.parse_args(arguments)


def _version():
    import keras_seg

    return keras_seg.__version__
