"""Losses that count instances, so that a small one is worth as much as a large one."""

from functools import cached_property

from keras import ops

from keras_seg.losses import lookup, registry, safe
from keras_seg.losses.base import SHARED, check_range
from keras_seg.losses.components import check_instances, label, number
from keras_seg.losses.maps import MapLoss, each_map
from keras_seg.losses.region import RegionLoss
from keras_seg.losses.registry import register
from keras_seg.losses.voxels import Voxels


class InstanceVoxels(Voxels):
    """Voxels whose sums are taken once per instance, over all voxels but those of the other instances.

    Args:
        labels: Instance numbers, `[batch, *spatial, classes]` integers; 0 is none.
        instances: Highest number.
        *voxels: See `Voxels`; a prediction of probabilities.
    """

    def __init__(self, labels, instances, *voxels):
        super().__init__(*voxels, from_logits=False, sigmoid=True, dtype=voxels[0].dtype)
        self.instances = instances
        # One bin for each sample, class and instance; the first of each class is for voxels outside all instances.
        first = ops.arange(ops.shape(labels)[0] * self.classes, dtype="int32") * (instances + 1)
        first = ops.reshape(first, (-1, *[1] * (len(labels.shape) - 2), self.classes))
        self.bins = ops.reshape(labels + first, (-1,))
        self.shape = (-1, self.classes, instances + 1)
        self.count_of_bins = ops.shape(labels)[0] * self.classes * (instances + 1)

    def by_bin(self, values):
        """Sum values `[batch, *spatial, classes]` over the bins, `[batch, classes, 1 + instances]`."""
        sums = ops.segment_sum(ops.reshape(values, (-1,)), self.bins, num_segments=self.count_of_bins)
        return ops.reshape(sums, self.shape)

    def sum(self, values):
        """Weighted sum for each instance, `[batch, instances, classes]`."""
        sums = self.by_bin(values if self.weight is None else values * self.weight)
        return ops.swapaxes(sums[..., :1] + sums[..., 1:], 1, 2)

    @cached_property
    def count(self):
        """Sum of the weights for each instance, `[batch, instances, classes]`."""
        return self.sum(ops.ones_like(self.prediction))

    @cached_property
    def exist(self):
        """Whether there is such an instance, `[batch, instances, classes]`."""
        return ops.swapaxes(self.by_bin(ops.ones_like(self.prediction))[..., 1:], 1, 2) > 0


@register("blob")
class BlobLoss(MapLoss):
    """A region loss of the whole mask plus its mean over the instances, so that small lesions count like large ones.

    `main_weight L(all) + blob_weight mean_k L(k)`. `L(k)` sees instance `k` alone: the voxels of the others are masked
    out, false positives in the background count for each. Instances are the connected components of each class in the
    truth (soft truth: of what is above 0.5). The mean is over the instances of a class, then over the classes that have
    any; a sample without instances has no second term.

    As in the authors' code, with two differences: there a batch's second term is divided by the samples that have
    instances, here each sample has its own; and masking is by weight 0 instead of a prediction of 0, which only losses
    of true negatives can tell. More than one class is each class against the rest.

    Args:
        region: `L` as text, such as `"dice"` or `"tversky(alpha=0.3, beta=0.7)"`: a region loss that is a formula for
            each class.
        main_weight: Weight of `L(all)`.
        blob_weight: Weight of the mean over the instances.
        max_instances: Highest number of instances per class. Beyond it the smallest ones count as one. `None`, as in
            the paper: no limit; it costs memory for a few numbers per voxel.
        full: Whether voxels that share no more than an edge or a corner belong to one instance.
        **options: See `SegmentationLoss`. The paper has no background: `include_background=False`.

    Example: of two instances one is hit and one is missed: `L(all) = 1 - 2 / 3`, `L(1) = 0`, `L(2) = 1`,
        `2 * 0.333 + (0 + 1) / 2 = 1.167`.

    >>> y_true, y_pred = [[[1.0], [0.0], [1.0]]], [[[1.0], [0.0], [0.0]]]
    >>> round(float(keras_seg.losses.BlobLoss()(y_true, y_pred)), 3)
    1.167

    Reference: [Kofler et al., 2022](https://arxiv.org/abs/2205.08209)
    """

    space = {"region": ["dice", "jaccard", "tversky"], "blob_weight": (0.2, 5.0, "log")}
    adjustable = ("main_weight", "blob_weight")

    def __init__(self, region="dice", main_weight=2.0, blob_weight=1.0, max_instances=None, full=False, **options):
        super().__init__(**options)
        self.region = region
        self.main_weight = check_range("main_weight", main_weight, low=0)
        self.blob_weight = check_range("blob_weight", blob_weight, low=0)
        self.max_instances = max_instances if max_instances is None else check_instances(max_instances)
        self.full = full
        self.main = self._main()

    def _main(self):
        shared = {key: getattr(self, key) for key in SHARED}
        loss = lookup.get(self.region, **shared) if isinstance(self.region, str) else None
        if loss is None or not _is_formula_per_class(type(loss)):
            known = [name for name in registry.names() if _is_formula_per_class(registry.loss_class(name))]
            raise ValueError(
                f"`region` must be the text of one region loss with a formula for each class, such as 'dice' or "
                f"'tversky(alpha=0.3, beta=0.7)'. Received: {self.region!r}. Known: {', '.join(known)}."
            )
        changed = [key for key in SHARED if getattr(loss, key) != shared[key]] + ["batch"] * bool(loss.batch)
        if changed:
            raise ValueError(
                f"`region` must leave out {', '.join(changed)}: it reads the same arrays as the blob loss, which takes "
                f"such options itself, one sample at a time. Received: {self.region!r}."
            )
        return loss

    def values(self, inputs):
        p, g, weight = self.maps(inputs)
        labels = each_map(lambda mask: label(mask, self.full), ops.stop_gradient(g) > 0.5)
        instances = self.max_instances
        if instances is None:
            instances = ops.shape(inputs.flat[0])[1]
        else:
            labels = each_map(lambda labels: number(labels, instances), labels)
        voxels = InstanceVoxels(labels, instances, p, g, ops.squeeze(weight, -1))
        *sums, count = self.main.statistics(voxels)
        each = self.main.loss(*sums, count - sum(sums))
        exist = ops.cast(voxels.exist, each.dtype)
        total = ops.sum(exist, axis=1)
        blobs = self.class_mean(safe.divide(ops.sum(each * exist, axis=1), total), total > 0)
        return self.main_weight * self.main.values(inputs) + self.blob_weight * blobs


def _is_formula_per_class(cls):
    """Whether a loss is a region loss whose classes do not see each other: `loss(tp, fp, fn, tn)` and their mean."""
    if not issubclass(cls, RegionLoss) or cls.loss is RegionLoss.loss:
        return False
    return all(getattr(cls, name) is getattr(RegionLoss, name) for name in ("values", "from_statistics", "combine"))
