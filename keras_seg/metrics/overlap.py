"""Hard Dice and IoU as streaming Keras metrics: the yardstick of every loss."""

import keras

from keras_seg.metrics.base import OverlapMetric


def dice_score(tp, fp, fn):
    """Returns `2 TP / (2 TP + FP + FN)`, which is not finite where all are 0."""
    return 2 * tp / (2 * tp + fp + fn)


def iou_score(tp, fp, fn):
    """Returns `TP / (TP + FP + FN)`, which is not finite where all are 0."""
    return tp / (tp + fp + fn)


@keras.saving.register_keras_serializable(package="keras_seg", name="Dice")
class Dice(OverlapMetric):
    """Hard Dice `2 TP / (2 TP + FP + FN)` per case and class, averaged over the cases, then over the classes.

    The prediction is made hard: argmax over the classes; with one class or `multilabel=True` a probability above 0.5,
    or a logit above 0. Then, for each case (a sample of the batch) and each class but the background:

    - absent from truth and prediction: not counted;
    - absent from the truth alone: counts 0;
    - else: the Dice of its voxels.

    A class is averaged over the cases where it counts, then the classes are averaged. Nothing counted gives NaN.
    This is the rule and the order of nnU-Net. In `fit` a case is a sample of the arrays: a patch, where the arrays
    hold patches.

    `y_pred` is `[batch, *spatial, classes]` with 1 to 3 spatial axes. `y_true` is labels `[batch, *spatial]` or
    `[batch, *spatial, 1]` of any integer type, bool or float, or one-hot, soft or multi-label
    `[batch, *spatial, classes]`, made hard like the prediction. With one class the foreground is label 1.
    `sample_weight` `[batch]` weighs the cases; `[batch, *spatial]` or `[batch, *spatial, 1]` leaves out the voxels of
    weight 0 and counts all others alike. In `compile`, only `weighted_metrics` are given the weights.
    Voxels are counted in integers: exact up to 2^31 per case.

    Args:
        num_classes: Number of classes, background included. `None`: read from the first prediction.
        from_logits: Whether predictions are logits, which matters with one class or `multilabel=True`. `None` means
            probabilities.
        multilabel: Whether classes may overlap: each has a sigmoid of its own, and none is the background. `None`
            means `False`.
        include_background: Whether class 0 is averaged too. One class and `multilabel=True` have no background.
        ignore_class: Label of the voxels that are left out of everything. In a one-hot truth they are those of that
            channel, or, where it is no class (255, -1), those whose row is filled with the value or with zeros (with
            `multilabel=True`, zeros are background).
        class_id: The one class that `result()` gives. `None`: the mean of the classes.
        data_format: `"channels_last"` or `"channels_first"`. `None` means Keras's setting.
        name: Name in the logs.
        dtype: As in every Keras metric. Sums are float32 or wider.

    Two voxels of class 1, of which one is found: `2 / (2 + 0 + 1) = 0.667`.

    >>> y_true = np.array([[0, 1, 1, 0]])
    >>> y_pred = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]])
    >>> metric = keras_seg.metrics.Dice()
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 3)
    0.667

    `model.compile(metrics=[keras_seg.metrics.Dice(), keras_seg.metrics.Dice(class_id=2, name="dice_tumour")])` logs
    the mean and one class.

    Reference: [Isensee et al., 2021](https://doi.org/10.1038/s41592-020-01008-z)
    """

    def __init__(self, num_classes=None, *, name="dice", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, tp, fp, fn):
        """Returns the Dice of counts."""
        return dice_score(tp, fp, fn)


@keras.saving.register_keras_serializable(package="keras_seg", name="IoU")
class IoU(OverlapMetric):
    """Hard IoU (Jaccard) `TP / (TP + FP + FN)` per case and class, averaged over the cases, then over the classes.

    Cases, classes, arguments and encodings are those of `keras_seg.metrics.Dice`; only the score of a class differs.

    Args:
        num_classes: Number of classes, background included. `None`: read from the first prediction.
        name: Name in the logs.
        **options: The options of `keras_seg.metrics.Dice`.

    Two voxels of class 1, of which one is found: `1 / (1 + 0 + 1) = 0.5`.

    >>> y_true = np.array([[0, 1, 1, 0]])
    >>> y_pred = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]])
    >>> metric = keras_seg.metrics.IoU()
    >>> metric.update_state(y_true, y_pred)
    >>> float(metric.result())
    0.5
    """

    def __init__(self, num_classes=None, *, name="iou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, tp, fp, fn):
        """Returns the IoU of counts."""
        return iou_score(tp, fp, fn)
