"""The training itself, from a setup and a state to the last epoch."""

import contextlib

import keras

from keras_seg import data as datasets
from keras_seg import metrics
from keras_seg.inference import sliding_window
from keras_seg.losses import EpochSchedule
from keras_seg.terminal import say
from keras_seg.training.callbacks.averaging import warm_up_average
from keras_seg.training.callbacks.checkpoint import Checkpoint
from keras_seg.training.callbacks.display import Display
from keras_seg.training.callbacks.divergence import StopOnDivergence
from keras_seg.training.callbacks.gradient import GradientNorm, sum_gradient_norms
from keras_seg.training.callbacks.learning_rate import LearningRate
from keras_seg.training.callbacks.pause import Pause
from keras_seg.training.callbacks.validation import WholeCaseValidation
from keras_seg.training.interrupts import Interrupts
from keras_seg.training.network import build
from keras_seg.training.state import read_state, restore_variables, save_state
from keras_seg.zoo.sizes import explain_sizes


def make_deterministic():
    """Have the backend give the same numbers for the same computation, for the rest of the process."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


def case_predictor(model, recipe, num_classes):
    """Return a function from a prepared case to its labels, as whole-case validation predicts it.

    Args:
        model: Network with its main output alone.
        recipe: `Recipe`.
        num_classes: Number of classes, the background included.
    """

    def predict(case):
        scores = sliding_window(
            model,
            case.image,
            recipe.training.patch,
            overlap=recipe.validation.overlap,
            batch_size=recipe.inference.batch_size,
            mirror=recipe.validation.mirror,
            num_classes=num_classes,
        )
        return metrics.harden(scores)

    return predict


def training_patches(setup, cases, outputs, epoch=0, steps=None):
    """Return the `Patches` of a training.

    Args:
        setup: `Setup`.
        cases: `PreparedCases`, those of training among them.
        outputs: Number of outputs of the network.
        epoch: The first epoch.
        steps: Steps of an epoch; those of the recipe by default.
    """
    recipe = setup.recipe
    return datasets.Patches(
        cases.select(setup.split.train),
        recipe.training.patch,
        recipe.training.batch_size,
        steps or recipe.training.steps_per_epoch,
        foreground=recipe.training.foreground,
        augmentation=recipe.augmentation.make(recipe.rank),
        seed=recipe.training.seed,
        epoch=epoch,
        outputs=outputs,
    )


class Network:
    """The network of a run, compiled, with its main head beside it.

    Attributes:
        model: What is trained.
        main: The same network with its main output alone.
        predict: Function from a prepared case to its labels.

    Args:
        recipe: `Recipe`.
        fingerprint: `Fingerprint`.
    """

    def __init__(self, recipe, fingerprint):
        if recipe.training.deterministic:
            make_deterministic()
        self.model = build(recipe, fingerprint)
        warm_up_average(self.model.optimizer)
        self.gradient_norms = sum_gradient_norms(self.model.optimizer)
        # Never the trained model itself: this one is saved, without loss and optimizer, and predicts between steps.
        self.main = explain_sizes(keras.Model(self.model.inputs[0], self.model.outputs[0], name=self.model.name))
        self.predict = case_predictor(self.main, recipe, fingerprint.num_classes)


class Training:
    """A network on its way: what `fit` needs, and the callbacks that keep the run.

    Args:
        setup: `Setup`.
        network: `Network`.
        cases: `PreparedCases` of the training and validation cases.
        folder: `RunFolder`.
        state: `TrainingState`, that of an earlier start or a new one.
        clock: `Clock`.
        console: `rich.console.Console` or `None`.
        tensorboard: Whether to write a log for TensorBoard.
        display: What shows the training, used as `Display` is. `None`: a `Display` on the console.
        until: Epoch after which it pauses; `None` for the last.
        callbacks: More callbacks; they see the logs after whole-case validation has written into them.
        timed: Whether the clock may delay a validation or thin out its cases.
    """

    def __init__(
        self,
        setup,
        network,
        cases,
        folder,
        state,
        clock,
        console=None,
        tensorboard=False,
        display=None,
        until=None,
        callbacks=(),
        timed=True,
    ):
        self.setup = setup
        self.model = network.model
        self.cases = cases
        self.folder = folder
        self.state = state
        self.clock = clock
        self.console = console
        self.display = display
        self.until = until
        self.timed = timed and not setup.recipe.training.deterministic
        self._make_callbacks(network, tensorboard, callbacks)

    def run(self):
        """Train to the end.

        Returns:
            Whether it got there; `False` after Ctrl-C, which leaves the state of the last complete epoch and a model.

        Raises:
            TrainingDiverged: If the loss is no longer finite.
            OSError: If the disk is full or the folder cannot be written to.
        """
        self.begin()
        try:
            with self.display, self.interrupts:
                self.model.fit(
                    self.patches(self.state.epoch),
                    epochs=self.setup.recipe.training.epochs,
                    initial_epoch=self.state.epoch,
                    callbacks=self.callbacks,
                    shuffle=False,
                    verbose=0,
                )
        except KeyboardInterrupt:
            self._leave_a_model()
            return False
        except Exception:
            # Pressed twice, in the middle of a step: Keras may trip over what the step left behind.
            if not self.interrupts.pressed:
                raise
            return False
        return True

    def patches(self, epoch):
        """Return the `Patches` of training from an epoch on."""
        return training_patches(self.setup, self.cases, len(self.model.outputs), epoch)

    def begin(self):
        """Go to where the state says and make log and best model whole, or make the first state."""
        found = read_state(self.folder.state)
        if found is not None:
            restore_variables(found[1], self.model)
            self.clock.begin_training(self.state.training_from)
        else:
            self.state.training_from = self.clock.begin_training()
            save_state(self.folder.state, self.model, self.state)
        self.checkpoint.mend()

    def _make_callbacks(self, network, tensorboard, more):
        recipe = self.setup.recipe
        training = recipe.training
        if self.display is None:
            self.display = Display(self.console, training.epochs, training.steps_per_epoch, self.state, self.clock)
        self.interrupts = Interrupts()
        self.rate = LearningRate(
            training.learning_rate,
            training.schedule,
            training.warmup_steps,
            training.epochs,
            training.steps_per_epoch,
            self.clock,
        )
        self.validation = WholeCaseValidation(
            network.predict,
            self.cases.select(self.setup.split.validation),
            self.setup.fingerprint.num_classes,
            self.setup.class_names,
            every=recipe.validation.every,
            max_cases=recipe.validation.cases,
            epochs=training.epochs,
            state=self.state,
            clock=self.clock,
            ignore_class=recipe.loss.ignore_class,
            timed=self.timed,
            say=lambda line: say(self.console, line),
            watch=self._watch,
        )
        self.checkpoint = Checkpoint(
            self.folder,
            network.model,
            network.main,
            self.state,
            self.clock,
            self.validation,
            self.rate,
            training.epochs,
        )
        divergence = StopOnDivergence(
            self.folder.path, self.patches, lambda: self.rate.rate, training.clip_norm, training.precision
        )
        norms = GradientNorm(network.gradient_norms)
        self.callbacks = [EpochSchedule(), self.rate, norms, divergence, Pause(self.until)]
        self.callbacks += [self.validation, self.checkpoint, self.interrupts, *more]
        if tensorboard:
            self.callbacks.append(keras.callbacks.TensorBoard(str(self.folder.tensorboard), write_graph=False))
        self.callbacks.append(self.display)

    def _watch(self, done, total):
        self.interrupts.check()
        self.display.validating(done, total)

    def _leave_a_model(self):
        """After Ctrl-C in the first epochs: keep the weights as they are, for want of a best model."""
        if not self.folder.best.exists():
            with contextlib.suppress(OSError):
                self.checkpoint.save_best()
