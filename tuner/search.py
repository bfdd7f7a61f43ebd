"""Search the loss, and its parameters, that segment your data best: the command `keras-seg tune` with the presets here.

python tuner/search.py                        3D phantoms, made for it, in under five minutes
python tuner/search.py DATA --preset standard --out OUT
python tuner/search.py --help
"""

import pathlib
import sys

# Called so, the package leaves TensorFlow for later: `--help` need not wait for it.
script, sys.argv[0] = sys.argv[0], "keras-seg"
from keras_seg.cli import tune  # noqa: E402
from keras_seg.cli.main import main_of  # noqa: E402

sys.argv[0] = script

if __name__ == "__main__":
    sys.exit(main_of(tune, "search.py", presets=pathlib.Path(__file__).parent))
