"""The boundary losses against their peers."""

import references_boundary
from oracle_peers import monai, reference
from oracle_row import Row, on

ROWS = [
    *on("shapes_2d classes_3d binary_2d", "boundary", monai("BoundaryLoss"), gradient=True, tolerance=5e-6),
    Row("boundary", "shapes_3d", monai("BoundaryLoss"), tolerance=5e-6),
    *on("shapes_2d multilabel_2d", "boundary", reference(references_boundary.boundary), tolerance=5e-6),
    Row(
        "boundary",
        "shapes_2d",
        reference(references_boundary.boundary, spacing=(0.7, 2.5), include_background=False),
        {"spacing": (0.7, 2.5), "include_background": False},
        tolerance=5e-6,
    ),
    Row(
        "boundary",
        "shapes_3d",
        reference(references_boundary.boundary, spacing=(3.0, 0.9, 1.1)),
        {"spacing": (3.0, 0.9, 1.1)},
        tolerance=5e-6,
    ),
]
