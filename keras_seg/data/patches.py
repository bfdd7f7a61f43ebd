"""Batches of random patches for `fit`, the same for the same seed however they are made."""

import functools
import numbers
import sys

import keras
import numpy as np

from keras_seg.data.augmentation import Augmentation
from keras_seg.data.lookahead import Lookahead

# Voxels of each class whose places are remembered of a case that does not bring them.
PLACES = 1000

# Streams of random numbers that never meet: of the batches, of the order of the cases, of the places of a class.
BATCH, ORDER, CLASS = range(3)


class Patches(keras.utils.PyDataset):
    """Batches of random patches, cut out of cases and augmented, one epoch after the other.

    Every case is drawn equally often: all of them once in a random order, then again in another. Of every `1 /
    foreground` patches one is laid around a voxel of a class that is drawn among the foreground classes of its case,
    the others anywhere in the case. Along an axis where a case is smaller than the patch it lies in the middle of
    zeros (the background).

    A batch depends on `seed`, the number of the epoch and its own number and on nothing else: it is the same for any
    number of threads, and when training goes on at a later epoch (`epoch=`). `fit` shuffles the batches of an epoch
    with Python's `random` unless it is called with `shuffle=False`; give it no `steps_per_epoch`. Each whole pass of
    `fit` counts as an epoch; one that was stopped is begun again.

    Args:
        cases: List of `Case`, or any sequence of objects with `name`, `image` `[*spatial, channels]`, `label`
            `[*spatial]`, `spacing` and, if they have it, `foreground`: the voxels `[voxels, axes]` of each class,
            background excepted. Images are normalised. A case is taken from the sequence anew for each patch, and only
            the region that the patch needs is read.
        shape: Number of voxels of a patch along each axis.
        batch_size: Number of patches in a batch.
        steps: Number of batches in an epoch.
        foreground: Share of the patches that are laid around a foreground voxel, 0 to 1.
        augmentation: `Augmentation`, or `None` to change nothing.
        seed: Seed of all that is random, 0 or more.
        epoch: Number of the first epoch, 0 or more.
        outputs: Number of outputs of the network: with deep supervision the labels are repeated for each.
        threads: Number of threads that make batches ahead of the training, beyond the end of an epoch too. 0 makes each
            when it is asked for. They take the place of Keras's own workers, whose queue may bring batches twice.
        ahead: Number of batches that are made ahead.

    Raises:
        ValueError: If an argument is out of its range, or the patch has not the rank of the cases.
    """

    def __init__(
        self,
        cases,
        shape,
        batch_size,
        steps,
        *,
        foreground=1 / 3,
        augmentation=None,
        seed=0,
        epoch=0,
        outputs=1,
        threads=2,
        ahead=4,
    ):
        super().__init__()
        self.cases = cases
        self.shape = tuple(shape)
        self.batch_size = _count("batch_size", batch_size)
        self.steps = _count("steps", steps)
        self.foreground = foreground
        self.augmentation = Augmentation() if augmentation is None else augmentation
        self.seed = _count("seed", seed, 0)
        self.epoch = _count("epoch", epoch, 0)
        self.outputs = _count("outputs", outputs)
        self.threads = _count("threads", threads, 0)
        self.ahead = _count("ahead", ahead)
        self._within_epoch = False
        self._places = {}
        self._lookahead = Lookahead(self._numbered, self.threads, self.ahead)
        self._check()

    def _check(self):
        if not len(self.cases):
            raise ValueError("`Patches` needs at least one case, but the list of cases is empty.")
        if not isinstance(self.augmentation, Augmentation):
            raise ValueError(
                f"`augmentation` must be a `keras_seg.data.Augmentation` or None, but it is {self.augmentation!r}. A "
                "preset is made by `Augmentation.preset(name, rank)`."
            )
        if not 0 <= self.foreground <= 1:
            raise ValueError(f"`foreground` is a share of the patches and must be 0 to 1, but it is {self.foreground}.")
        first = self.cases[0]
        whole = all(isinstance(size, numbers.Integral) and size >= 1 for size in self.shape)
        if len(self.shape) != first.label.ndim or not whole:
            raise ValueError(
                f"`shape` must hold one positive number of voxels per axis of the cases, but it is {self.shape} and "
                f"case {first.name!r} has the shape {first.label.shape}."
            )
        self.augmentation.check_rank(len(self.shape))
        self.channels = first.image.shape[-1]
        self._label_type = np.dtype("uint8" if first.label.dtype == np.uint8 else "int32")

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        if not 0 <= index < self.steps:
            raise IndexError(f"Batch {index} of an epoch of {self.steps} batches.")
        first = self.epoch * self.steps
        return self._lookahead.get(first + index, range(first, first + 2 * self.steps))

    def on_epoch_begin(self):
        """Called by Keras at the start of an epoch."""
        self._within_epoch = True

    def on_epoch_end(self):
        """Called by Keras at the end of an epoch, and before the first one."""
        # `reset` begins a `fit`. Before it, JAX and torch have looked at one batch to build the model: no epoch.
        callers = sys._getframe(1), sys._getframe(1).f_back
        started = any(frame is not None and frame.f_code.co_name == "reset" for frame in callers)
        self.epoch += self._within_epoch and not started
        self._within_epoch = False

    def batch(self, epoch, index):
        """Make one batch, whatever epoch it is now.

        Args:
            epoch: Number of the epoch.
            index: Number of the batch in it.

        Returns:
            Tuple of the images `[batch, *shape, channels]`, float32, and the labels `[batch, *shape]`, uint8 (int32 if
            the labels of the cases are not uint8), as a tuple of the same array for each output if there are several.
        """
        generator = self._generator(BATCH, epoch, index)
        images = np.empty((self.batch_size, *self.shape, self.channels), "float32")
        labels = np.empty((self.batch_size, *self.shape), self._label_type)
        for place, draw in enumerate(self._draws(epoch, index)):
            number = self._case_of(draw)
            case = self.cases[number]
            self._check_case(case)
            start = self._start(number, case, generator, centred=self._is_foreground(draw))
            image, label = self.augmentation.patch(case.image, case.label, start, self.shape, generator, case.spacing)
            images[place] = np.moveaxis(image, 0, -1)
            labels[place] = self._as_classes(label, case)
        return images, labels if self.outputs == 1 else (labels,) * self.outputs

    def cases_of(self, epoch, index):
        """Return the names of the cases in a batch, in their order.

        Args:
            epoch: Number of the epoch.
            index: Number of the batch in it.
        """
        return tuple(self.cases[self._case_of(draw)].name for draw in self._draws(epoch, index))

    def _numbered(self, number):
        return self.batch(*divmod(number, self.steps))

    def _generator(self, *stream):
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=stream))

    def _draws(self, epoch, index):
        """Numbers of a batch's patches among all patches since the first epoch."""
        first = (epoch * self.steps + index) * self.batch_size
        return range(first, first + self.batch_size)

    def _case_of(self, draw):
        turn, place = divmod(draw, len(self.cases))
        return int(_order(self.seed, turn, len(self.cases))[place])

    def _is_foreground(self, draw):
        # Spread evenly, so that each batch has its share: 1/3 gives no, no, yes, no, no, yes.
        return int((draw + 1) * self.foreground + 1e-9) > int(draw * self.foreground + 1e-9)

    def _start(self, number, case, generator, centred):
        """Draw the first voxel of a patch: anywhere in the case, or such that a foreground voxel lies well inside."""
        size, shape = np.asarray(case.label.shape), np.asarray(self.shape)
        room = size - shape
        start = np.floor(generator.random(len(shape)) * (room + 1)).astype(int)
        classes = [places for places in self._foreground_of(number, case) if len(places)] if centred else []
        if classes:
            places = classes[generator.integers(len(classes))]
            voxel = np.asarray(places[generator.integers(len(places))])
            # In the middle half of the patch: not always its centre, and inside after a rotation.
            inside = np.floor((0.25 + 0.5 * generator.random(len(shape))) * shape).astype(int)
            start = np.clip(voxel - inside, 0, np.maximum(room, 0))
        return np.where(room < 0, -(-room // 2), start)

    def _foreground_of(self, number, case):
        """Voxels of each foreground class of a case: those that it brings, or some that are looked up once."""
        places = getattr(case, "foreground", None)
        if places is not None:
            return places
        if number not in self._places:
            generator = self._generator(CLASS, number)
            self._places[number] = [_some(case.label, each, generator) for each in np.unique(case.label) if each > 0]
        return self._places[number]

    def _check_case(self, case):
        if case.label.ndim != len(self.shape) or case.image.shape != (*case.label.shape, self.channels):
            raise ValueError(
                f"Case {case.name!r} does not fit the others: patches {self.shape} with {self.channels} channels are "
                f"cut, but its image has the shape {case.image.shape} and its label {case.label.shape}."
            )

    def _as_classes(self, label, case):
        if label.dtype != self._label_type and label.size and not 0 <= label.min() <= label.max() <= self._largest:
            raise ValueError(
                f"Case {case.name!r}: its label holds the classes {label.min()} to {label.max()}, but batches of "
                f"{self._label_type} hold 0 to {self._largest}."
            )
        return label

    @property
    def _largest(self):
        return np.iinfo(self._label_type).max


@functools.lru_cache(maxsize=16)
def _order(seed, turn, count):
    """Order in which all cases are drawn, the `turn`-th time."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(ORDER, turn)))
    return generator.permutation(count)


def _some(label, value, generator):
    """Return some voxels `[voxels, axes]` of a class."""
    places = np.flatnonzero(label == value)
    if len(places) > PLACES:
        places = generator.choice(places, PLACES, replace=False)
    return np.stack(np.unravel_index(places, label.shape), -1)


def _count(name, value, least=1):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"`{name}` must be an integer of {least} or more, but it is {value!r}.")
    return int(value)
