"""Every comparison, family by family: `{family: [Row, ...]}`."""

import importlib

FAMILIES = ("pixel", "region", "rank", "boundary", "topology", "structure", "compound")
TABLE = {family: importlib.import_module(f"rows_{family}").ROWS for family in FAMILIES}
ROWS = [row for rows in TABLE.values() for row in rows]
