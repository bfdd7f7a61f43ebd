"""The peers behind one interface: a case goes in, one value per sample (and the gradient of their mean) comes out.

Peers are imported where they are called, so that reading the table needs none of them.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Peer:
    """Somebody else's loss.

    `library` is the distribution, `module` what must be importable, `call` the call as one would type it, and
    `run(case)` returns values `[batch]` and a gradient with respect to the logits, or `None`.
    """

    library: str
    module: str
    call: str
    run: Callable


def _arguments(options):
    return ", ".join(f"{key}={value!r}" for key, value in options.items())


def _tensors(case, dtype):
    """Return logits (or exact probabilities), one-hot truth and labels as torch has them, channels second."""
    import torch

    source = case.probabilities if case.logits is None else case.logits
    x = torch.tensor(np.moveaxis(source, -1, 1).copy(), dtype=getattr(torch, dtype), requires_grad=True)
    one_hot = torch.tensor(np.moveaxis(case.one_hot, -1, 1).copy(), dtype=x.dtype)
    labels = torch.tensor(case.truth if case.kind == "classes" else case.truth[..., 0], dtype=torch.int64)
    return x, one_hot, labels


def _activation(x, case):
    import torch

    if case.logits is None:
        return x
    return torch.softmax(x, 1) if case.kind == "classes" else torch.sigmoid(x)


def _torch_run(loss, case, dtype="float64", batch=False):
    """Run `loss(x, one_hot, labels)` once per sample, or once on the whole batch and repeat the value."""
    import torch

    x, one_hot, labels = _tensors(case, dtype)
    if batch:
        values = loss(x, one_hot, labels).reshape(1).expand(len(x))
    else:
        values = torch.stack([loss(*(t[i : i + 1] for t in (x, one_hot, labels))).reshape(()) for i in range(len(x))])
    values.mean().backward()
    return values.detach().numpy().astype("float64"), np.moveaxis(x.grad.numpy(), 1, -1).astype("float64")


def monai(name, per_class=False, skip_absent=False, **options):
    """A MONAI loss that takes logits, with the activation as an option; its own mean over the classes of a sample."""

    def run(case):
        import monai.losses
        import torch

        activation = {} if case.logits is None else {"softmax" if case.kind == "classes" else "sigmoid": True}
        if name == "FocalLoss":
            activation = {"use_softmax": case.kind == "classes"}
        reduction = {"reduction": "none"} if skip_absent else {}
        labels_given = options.get("to_onehot_y", False)

        def loss(x, one_hot, labels):
            target = labels[:, None] if labels_given else one_hot
            if per_class:  # the reduction over classes is pooled there; a map at a time is averaged
                peer = getattr(monai.losses, name)(**options)
                maps = _activation(x, case)
                return torch.stack([peer(maps[:, c : c + 1], target[:, c : c + 1]) for c in range(x.shape[1])]).mean()
            values = getattr(monai.losses, name)(**activation, **reduction, **options)(x, target)
            if skip_absent:
                return values.flatten(1)[one_hot.flatten(2).sum(-1) > 0].mean()
            return values

        return _torch_run(loss, case, batch=options.get("batch", False))

    call = f"monai.losses.{name}({_arguments(options)})(logits, one_hot), activation as the case has it, per sample"
    call += ", one map at a time, averaged" if per_class else ""
    call += ", reduction='none' averaged over the classes that are in the sample" if skip_absent else ""
    return Peer("monai", "monai", call, run)


def monai_ssim(**options):
    """MONAI's SSIM takes images, so it gets probabilities; float32 inside."""

    def run(case):
        import monai.losses

        peer = monai.losses.SSIMLoss(spatial_dims=case.probabilities.ndim - 2, **options)
        return _torch_run(lambda x, one_hot, labels: peer(_activation(x, case), one_hot), case)

    call = f"monai.losses.SSIMLoss(spatial_dims, {_arguments(options)})(probabilities, one_hot), per sample"
    return Peer("monai", "monai", call, run)


def torch_cross_entropy(**options):
    """PyTorch's own, softmax or sigmoid; `weight` is a factor per class, and the mean is over voxels all the same."""

    def run(case):
        import torch
        import torch.nn.functional as F

        given = {key: torch.tensor(v, dtype=torch.float64) if key == "weight" else v for key, v in options.items()}

        def loss(x, one_hot, labels):
            if case.kind != "classes":
                return F.binary_cross_entropy_with_logits(x, one_hot)
            if "ignore_index" in given:
                return F.cross_entropy(x, labels, **given)
            return F.cross_entropy(x, labels, reduction="none", **given).mean()

        return _torch_run(loss, case)

    call = "torch.nn.functional.cross_entropy or binary_cross_entropy_with_logits(logits, target, "
    return Peer("torch", "torch", call + f"{_arguments(options)}), mean over voxels, per sample", run)


def torchvision_focal(**options):
    def run(case):
        from torchvision.ops import sigmoid_focal_loss

        return _torch_run(lambda x, one_hot, labels: sigmoid_focal_loss(x, one_hot, reduction="mean", **options), case)

    call = f"torchvision.ops.sigmoid_focal_loss(logits, target, reduction='mean', {_arguments(options)}), per sample"
    return Peer("torchvision", "torchvision", call, run)


def nnunet_top_k(k=10):
    """nnU-Net's rule, which knows classes only: a sigmoid map goes in as the two classes with logits 0 and z."""

    def run(case):
        import torch
        from nnunetv2.training.loss.robust_ce_loss import TopKLoss

        def loss(x, one_hot, labels):
            x = x if case.kind == "classes" else torch.cat([torch.zeros_like(x), x], 1)
            return TopKLoss(k=k)(x, labels[:, None])

        return _torch_run(loss, case)

    call = f"nnunetv2.training.loss.robust_ce_loss.TopKLoss(k={k})(logits, labels), per sample"
    return Peer("nnunetv2", "nnunetv2", call, run)


def smp(name, batch=False, dtype="float64", **options):
    """A loss of segmentation_models.pytorch; its Dice and Jaccard sum over the batch, its MCC takes probabilities."""

    def run(case):
        import segmentation_models_pytorch.losses as peers

        mode = "multiclass" if case.kind == "classes" else case.kind
        mode = {} if name == "MCCLoss" else {"mode": mode}

        def loss(x, one_hot, labels):
            x = _activation(x, case) if name == "MCCLoss" else x
            return getattr(peers, name)(**mode, **options)(x, one_hot if case.kind == "multilabel" else labels)

        return _torch_run(loss, case, dtype=dtype, batch=batch)

    where = "whole batch" if batch else "per sample"
    call = f"segmentation_models_pytorch.losses.{name}({_arguments(options)})(logits, target), {where}"
    return Peer("segmentation-models-pytorch", "segmentation_models_pytorch", call, run)


def skimage_ssim(**options):
    """The mean structural similarity (not a loss) of each map, over the windows that lie inside the image."""

    def run(case):
        from skimage.metrics import structural_similarity

        classes = range(case.probabilities.shape[-1])
        pairs = zip(case.one_hot, case.probabilities)
        values = [np.mean([structural_similarity(g[..., c], p[..., c], **options) for c in classes]) for g, p in pairs]
        return np.array(values), None

    call = f"skimage.metrics.structural_similarity(truth, probabilities, {_arguments(options)}), maps averaged"
    return Peer("scikit-image", "skimage", call, run)


def keras(name, **options):
    """A loss of Keras on probabilities, whose values per voxel are averaged."""

    def run(case):
        import keras

        # Keras averages over the last axis, so every map becomes a last axis of one.
        one_hot, p = (
            (case.one_hot, case.probabilities)
            if case.kind == "classes"
            else (
                case.one_hot[..., None],
                case.probabilities[..., None],
            )
        )
        values = getattr(keras.losses, name)(reduction=None, dtype="float32", **options)(one_hot, p)
        values = keras.ops.convert_to_numpy(values)
        return values.reshape(len(values), -1).mean(axis=1, dtype="float64"), None

    return Peer(
        "keras", "keras", f"keras.losses.{name}({_arguments(options)})(one_hot, probabilities), mean over voxels", run
    )


def reference(function, **options):
    """A transcription from the paper, a function of `references_FAMILY.py`."""
    library = getattr(inspect.getmodule(function), "LIBRARY", "numpy")

    def run(case):
        return function(case, **options), None

    return Peer(library, library, f"{function.__module__}.{function.__name__}(case, {_arguments(options)})", run)


def keras_labels(name, **options):
    """A loss of Keras that takes integer labels and probabilities, and gives a value per voxel."""

    def run(case):
        import keras

        values = getattr(keras.losses, name)(reduction=None, **options)(case.truth, case.probabilities)
        values = keras.ops.convert_to_numpy(values)
        return values.reshape(len(values), -1).mean(axis=1, dtype="float64"), None

    return Peer(
        "keras", "keras", f"keras.losses.{name}({_arguments(options)})(labels, probabilities), mean over voxels", run
    )


def monai_nacl(**options):
    """MONAI's, on logits shifted to the mean of the shares, and on shares of what lies inside the image.

    It takes them as they come, which pulls on the common shift of the logits, and divides by the whole window at the
    border. A sigmoid map goes in as the two classes with logits -z/2 and z/2.
    """

    def run(case):
        import monai.losses
        import torch

        def loss(x, one_hot, labels):
            x = x if case.kind == "classes" else torch.cat([-x, x], 1) / 2
            classes = x.shape[1]
            peer = monai.losses.NACLLoss(classes=classes, dim=x.ndim - 2, **options)
            whole = peer.get_constr_target

            def inside(mask):
                shares = whole(mask)
                return shares / shares.sum(1, keepdim=True)

            peer.get_constr_target = inside
            return peer(x - x.mean(1, keepdim=True) + 1 / classes, labels)

        return _torch_run(loss, case)

    call = f"monai.losses.NACLLoss(classes, dim, {_arguments(options)})(logits - mean + 1 / classes, labels), its "
    return Peer("monai", "monai", call + "shares divided by their sum over the classes, per sample", run)


def weighted(*parts):
    """The sum of `(weight, peer)`, of values and of gradients; it is filed under the library of the first."""

    def run(case):
        results = [(weight, *peer.run(case)) for weight, peer in parts]
        values = sum(weight * value for weight, value, _ in results)
        if any(gradient is None for _, _, gradient in results):
            return values, None
        return values, sum(weight * gradient for weight, _, gradient in results)

    first = parts[0][1]
    return Peer(first.library, first.module, " + ".join(f"{weight} * {peer.call}" for weight, peer in parts), run)


def monai_wasserstein(distances):
    """MONAI's generalised Wasserstein Dice, which knows classes alone: a sigmoid map goes in as two of them."""

    def run(case):
        import monai.losses
        import torch

        peer = monai.losses.GeneralizedWassersteinDiceLoss(dist_matrix=np.array(distances, dtype="float64"))

        def loss(x, one_hot, labels):
            if case.kind == "classes":
                return peer(x, labels)
            maps = zip(x.split(1, dim=1), one_hot.split(1, dim=1), strict=True)
            return torch.stack([peer(torch.cat([0 * z, z], 1), g[:, 0].long()) for z, g in maps]).mean()

        return _torch_run(loss, case)

    call = f"monai.losses.GeneralizedWassersteinDiceLoss(np.array({distances}))(logits, labels), per sample and map"
    return Peer("monai", "monai", call, run)


def monai_ms_ssim(**options):
    """MONAI's multi-scale SSIM (not a loss), float32, one map at a time."""

    def run(case):
        import torch
        from monai.metrics.regression import compute_ms_ssim

        dimensions = case.probabilities.ndim - 2

        def likeness(x, one_hot, labels):
            maps = _activation(x, case)
            pairs = [(maps[:, c : c + 1], one_hot[:, c : c + 1]) for c in range(maps.shape[1])]
            return torch.stack([compute_ms_ssim(p, g, dimensions, **options) for p, g in pairs]).mean()

        return _torch_run(likeness, case, dtype="float32")

    call = f"monai.metrics.regression.compute_ms_ssim(probabilities, one_hot, spatial_dims, {_arguments(options)})"
    return Peer("monai", "monai", f"{call}, one map at a time, averaged", run)


def kornia_erosion(**options):
    """kornia's Hausdorff loss by erosion, one map at a time: what it takes are labels and a probability per label."""

    def run(case):
        import torch
        from kornia.losses import HausdorffERLoss, HausdorffERLoss3D

        peer = (HausdorffERLoss if case.probabilities.ndim == 4 else HausdorffERLoss3D)(reduction="none", **options)

        def loss(x, one_hot, labels):
            maps = _activation(x, case)
            values = []
            for c in range(maps.shape[1]):
                p, g = maps[:, c : c + 1], one_hot[:, c : c + 1]
                values.append(peer(torch.cat([1 - p, p], 1), g.to(torch.int64))[1].mean())
            return torch.stack(values).mean()

        return _torch_run(loss, case)

    call = f"kornia.losses.HausdorffERLoss or HausdorffERLoss3D({_arguments(options)})(probabilities, labels), "
    return Peer("kornia", "kornia", call + "one map at a time, averaged, per sample", run)
