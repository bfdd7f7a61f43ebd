"""The rank losses against their peers."""

import references_rank
from oracle_cases import IGNORED
from oracle_peers import reference, smp
from oracle_row import Row, on

ROWS = [
    *on(
        "classes_2d classes_3d",
        "lovasz",
        smp("LovaszLoss", per_image=True, dtype="float32"),
        tolerance=1e-5,
        gradient=True,
    ),
    *on(
        "binary_2d binary_3d",
        "lovasz",
        smp("LovaszLoss", per_image=True, dtype="float32"),
        tolerance=1e-5,
        gradient=True,
    ),
    Row(
        "lovasz",
        "ignored_2d",
        smp("LovaszLoss", per_image=True, ignore_index=IGNORED, dtype="float32"),
        {"ignore_class": IGNORED},
        tolerance=1e-5,
    ),
    *on("classes_2d classes_3d", "lovasz", reference(references_rank.lovasz)),
    *on(
        "classes_2d classes_3d", "lovasz", reference(references_rank.lovasz, classes="all"), options={"classes": "all"}
    ),
    *on("binary_2d binary_3d multilabel_2d", "lovasz", reference(references_rank.lovasz)),
    *on(
        "classes_2d classes_3d",
        "lovasz",
        reference(references_rank.lovasz_by_buckets, buckets=32),
        options={"bins": 16},
        tolerance=1e-5,
    ),
    *on(
        "binary_2d binary_3d multilabel_2d",
        "lovasz",
        reference(references_rank.lovasz_by_buckets, buckets=32),
        options={"bins": 16},
        tolerance=1e-5,
    ),
]
