"""Search the loss, and its parameters, that segment your data best: the command `keras-seg tune`, with presets.

  python tuner/search.py                                       3D phantoms, made for it, in a few minutes
  python tuner/search.py DATA --preset quick                   a first look: short trainings of six losses
  python tuner/search.py DATA --preset standard --out OUT      two hours
  python tuner/search.py DATA --preset thorough --out OUT      a night: every loss
  python tuner/search.py DATA --losses dice tversky "dice + focal" --model vnet --oracle bayesian --minutes 60
  python tuner/search.py DATA --set tversky.alpha=0.2:0.8 learning_rate=1e-4:1e-2:log

Killed or stopped at any moment, the same command goes on. OUT (runs/tune) holds leaderboard.md and .csv, trials.png,
best/ (a run), best.keras, and recipe.toml for `keras-seg train`.
"""

import pathlib
import sys

# Called so, the package leaves TensorFlow for later: `--help` need not wait for it.
script, sys.argv[0] = sys.argv[0], "keras-seg"
from keras_seg.cli import tune  # noqa: E402
from keras_seg.cli.main import main_of  # noqa: E402

sys.argv[0] = script


def main(arguments=None):
    """Run the search that the command line asks for, and return the exit status."""
    return main_of(tune, "search.py", arguments, text=__doc__, presets=pathlib.Path(__file__).parent)


if __name__ == "__main__":
    sys.exit(main())
