"""`python -m keras_seg` is the command `keras-seg`."""

import sys

from keras_seg.cli import main

if __name__ == "__main__":
    sys.exit(main())
