"""Every loss trains a network: it finds small objects in images it has not seen, hardly worse than `dice_ce` does."""

import functools

import pytest
from loss_cases import tensorflow_only

from keras_seg import losses
from keras_seg.losses import registry

pytestmark = tensorflow_only

# What a loss that cannot train alone is a part of, in its paper.
COMPOUND_OF = {
    "adaptive_tversky": "cross_entropy + adaptive_tversky",
    "active_contour": "dice_ce + active_contour",
    "boundary": "dice + 0.05 * boundary",
    "cl_dice": "dice_cldice",
    "generalized_cross_entropy": "dice_ce + generalized_cross_entropy",
    "hausdorff_dt": "dice + 0.01 * hausdorff_dt",
    "hausdorff_erosion": "dice + 0.1 * hausdorff_erosion",
    "ms_ssim": "unet3plus",
    "region_mutual_information": "dice_ce + region_mutual_information",
    "skeleton_recall": "dice_ce + skeleton_recall",
    "ssim": "cross_entropy + ssim + jaccard",
}
# Where the paper's default is for another task: for lesions a hundred times smaller.
AT_OTHER_VALUES = {"sensitivity_specificity": "sensitivity_specificity(r=0.1)"}
# More classes take another path through sigmoid or softmax, and through little else: of each family one is trained so
# in the ordinary run, and all by `-m slow`.
WITH_CLASSES = {registry.loss_class(name).__module__.split(".")[2]: name for name in reversed(losses.names())}.values()


def cases():
    for name in losses.names():
        yield pytest.param(name, 1, id=f"binary-{name}")
        marks = [] if name in WITH_CLASSES else [pytest.mark.slow]
        yield pytest.param(name, 3, id=f"multiclass-{name}", marks=marks)


def text_of(name):
    alone = registry.loss_class(name).alone
    assert alone or name in COMPOUND_OF, f"'{name}' does not train alone: say in COMPOUND_OF what it is a part of."
    assert not (alone and name in COMPOUND_OF), f"'{name}' trains alone: take it out of COMPOUND_OF."
    return COMPOUND_OF.get(name, AT_OTHER_VALUES.get(name, name))


@functools.cache
def trained(text, classes):
    from loss_training import train

    return train(losses.get(text, from_logits=True), classes)


@pytest.mark.parametrize(("name", "classes"), list(cases()))
def test_a_loss_trains(name, classes):
    reference, _ = trained("dice_ce", classes)
    dice, differences = trained(text_of(name), classes)
    assert reference > 0.8, "The task is no measure if the reference does not solve it."
    assert dice >= max(0.8 * reference, 0.3)
    # What has been compiled for these steps is what the loss says.
    assert max(differences) < 1e-3


def test_only_losses_are_in_the_table():
    assert {*COMPOUND_OF, *AT_OTHER_VALUES} <= set(losses.names())
