"""Lets the tests of every family, a folder deeper, import what the laws share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
