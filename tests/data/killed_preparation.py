"""Prepares a folder and is killed in the middle of writing its third case: `killed_preparation.py FOLDER CACHE`."""

import os
import signal
import sys

from keras_seg import files
from keras_seg.data import LabelMap, open_folder, prepare

written = []
replace = os.replace


def replace_or_die(source, target):
    if len(written) == 2:
        os.truncate(source, os.path.getsize(source) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(target)
    replace(source, target)


files.os.replace = replace_or_die
prepare(open_folder(sys.argv[1]).pairs, LabelMap.identity(3), cache=sys.argv[2])
