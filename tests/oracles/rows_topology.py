"""The topology losses against their peers."""

import references_topology
from oracle_peers import monai, reference
from oracle_row import Row, on

ROWS = [
    # There 1e-4 is added to the sum of precision and sensitivity; a smaller number switches that off.
    *on("shapes_2d shapes_3d binary_3d", "cl_dice", monai("SoftclDiceLoss", per_class=True, iter_=10, smooth=1e-12)),
    Row(
        "cl_dice",
        "shapes_3d",
        monai("SoftclDiceLoss", per_class=True, iter_=3, smooth_nr=0.1, smooth_dr=0.1, smooth=1e-12),
        {"iterations": 3, "smooth": 0.1},
    ),
    *on("shapes_2d shapes_3d multilabel_2d", "cl_dice", reference(references_topology.cl_dice)),
    Row(
        "cl_dice",
        "shapes_2d",
        reference(references_topology.cl_dice, include_background=False),
        {"include_background": False},
    ),
]
