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
    *on(
        "shapes_2d shapes_3d binary_2d classes_3d multilabel_2d exact_2d",
        "skeleton_recall",
        reference(references_topology.skeleton_recall),
    ),
    Row(
        "skeleton_recall",
        "shapes_2d",
        reference(references_topology.skeleton_recall, iterations=2, radius=1, smooth=1.0, include_background=False),
        {"iterations": 2, "radius": 1, "smooth": 1.0, "include_background": False},
    ),
    # Half a voxel of Dice's smoothing is a whole one of Tversky's.
    *on(
        "shapes_2d shapes_3d binary_2d classes_2d classes_3d multilabel_2d exact_2d",
        "blob",
        reference(references_topology.blob, smooth=5e-6),
    ),
    Row(
        "blob",
        "classes_2d",
        reference(references_topology.blob, alpha=0.3, beta=0.7, full=True, include_background=False),
        {"region": "tversky", "full": True, "include_background": False},
    ),
    Row(
        "blob",
        "shapes_3d",
        reference(references_topology.blob, max_instances=2, smooth=5e-6),
        {"max_instances": 2},
    ),
    *on(
        "shapes_2d shapes_3d classes_2d multilabel_2d",
        "border_cross_entropy",
        reference(references_topology.border_cross_entropy),
        tolerance=1e-5,
    ),
    Row(
        "border_cross_entropy",
        "shapes_2d",
        reference(references_topology.border_cross_entropy, sigma=2.0, spacing=(0.7, 2.5), class_weights=(1, 2, 0.5)),
        {"sigma": 2.0, "spacing": (0.7, 2.5), "class_weights": (1, 2, 0.5)},
        tolerance=1e-5,
    ),
    Row(
        "border_cross_entropy",
        "shapes_3d",
        reference(references_topology.border_cross_entropy, w0=3.0, spacing=(3.0, 0.9, 1.1)),
        {"w0": 3.0, "spacing": (3.0, 0.9, 1.1)},
        tolerance=1e-5,
    ),
]
