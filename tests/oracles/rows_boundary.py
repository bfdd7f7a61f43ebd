"""The boundary losses against their peers."""

import references_boundary as references
from oracle_peers import kornia_erosion, monai, reference
from oracle_row import Row, on

# Distances and their squares are float32, and so are the sums over them.
CLOSE = 5e-6
IGNORING = {"ignore_class": 255}


def spaced(loss, *, ignored=True, **options):
    """Return the rows that no library has: with voxel sizes in 2D and 3D, and with ignored voxels."""
    function = getattr(references, loss)
    rows = []
    for case, spacing in (("shapes_2d", (0.7, 2.5)), ("shapes_3d", (3.0, 0.9, 1.1))):
        given = {"spacing": spacing, **options}
        rows.append(Row(loss, case, reference(function, **given), given, tolerance=CLOSE))
    if ignored:
        rows.append(Row(loss, "ignored_2d", reference(function), IGNORING, tolerance=CLOSE))
    return rows


ROWS = [
    *on("shapes_2d classes_3d binary_2d", "boundary", monai("BoundaryLoss"), gradient=True, tolerance=CLOSE),
    Row("boundary", "shapes_3d", monai("BoundaryLoss"), tolerance=CLOSE),
    *on("shapes_2d multilabel_2d", "boundary", reference(references.boundary), tolerance=CLOSE),
    *spaced("boundary"),
    Row(
        "boundary",
        "shapes_2d",
        reference(references.boundary, spacing=(0.7, 2.5), include_background=False),
        {"spacing": (0.7, 2.5), "include_background": False},
        tolerance=CLOSE,
    ),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d shapes_2d shapes_3d",
        "hausdorff_dt",
        monai("HausdorffDTLoss", per_class=True, include_background=True),
        gradient=True,
        tolerance=CLOSE,
    ),
    Row("hausdorff_dt", "exact_2d", monai("HausdorffDTLoss", per_class=True, include_background=True)),
    *on(
        "shapes_2d shapes_3d multilabel_2d",
        "hausdorff_dt",
        monai("LogHausdorffDTLoss", per_class=True, include_background=True, alpha=1.5),
        options={"log": True, "alpha": 1.5},
        gradient=True,
        tolerance=CLOSE,
    ),
    *spaced("hausdorff_dt"),
    *spaced("hausdorff_dt", ignored=False, log=True, alpha=1.3),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d shapes_2d shapes_3d",
        "hausdorff_erosion",
        kornia_erosion(),
        gradient=True,
        tolerance=CLOSE,
    ),
    Row("hausdorff_erosion", "exact_2d", kornia_erosion()),
    *on(
        "shapes_2d shapes_3d",
        "hausdorff_erosion",
        kornia_erosion(alpha=1.5, k=4),
        gradient=True,
        tolerance=CLOSE,
        options={"alpha": 1.5, "erosions": 4},
    ),
    *spaced("hausdorff_erosion"),
    *spaced("hausdorff_erosion", ignored=False, erosions=3, threshold=0.1, rescale=False),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d exact_2d shapes_2d shapes_3d",
        "boundary_dou",
        reference(references.boundary_dou),
    ),
    *spaced("boundary_dou"),
    Row("boundary_dou", "shapes_2d", reference(references.boundary_dou, max_alpha=-0.5), {"max_alpha": -0.5}),
    *on(
        "binary_2d binary_3d classes_2d classes_3d multilabel_2d shapes_2d shapes_3d",
        "distance_cross_entropy",
        reference(references.distance_cross_entropy),
        tolerance=CLOSE,
    ),
    *spaced("distance_cross_entropy"),
]
