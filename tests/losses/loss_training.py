"""One small network that every loss trains from the same start on the same batches, to see whether it learns.

The network's forward pass and its update are compiled once and shared. A loss adds nothing but its own value and
gradient by the logits, in a plain graph, where it compiles itself by XLA as in a user's training.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_seg import metrics

SHAPE = (24, 24)
CASES = 12
# Two batches that take turns; the other cases are the judges.
BATCHES = (slice(0, 4), slice(4, 8))
JUDGES = slice(8, CASES)
STEPS = 100
LEARNING_RATE = 0.02
FILTERS = 8


@functools.cache
def data(classes):
    """Return images `[cases, *SHAPE, 1]` of noise, and labels `[cases, *SHAPE]` of small objects in it.

    Class 1 are bright discs and class 2 dark ones, each about 5 % of an image. Single pixels of noise are as bright and
    as dark, so that neighbours must be seen.
    """
    rng = np.random.default_rng(5)
    images = rng.normal(size=(CASES, *SHAPE)) * 0.5
    labels = np.zeros((CASES, *SHAPE), "int32")
    rows, columns = np.indices(SHAPE)
    for image, label in zip(images, labels):
        for kind in range(1, max(classes, 2)):
            for radius in (3.2, 1.8):
                row, column = rng.uniform(4, np.array(SHAPE) - 4)
                disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
                label[disc & (label == 0)] = kind
            image[label == kind] += 2 if kind == 1 else -2
    return images[..., None].astype("float32"), labels


@functools.cache
def network(classes):
    """Return functions of a network of three dilated convolutions: back to the start, forward, and one step."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((*SHAPE, 1))
    for dilation in (1, 2, 4):
        x = keras.layers.Conv2D(FILTERS, 3, padding="same", dilation_rate=dilation, activation="gelu")(x)
    model = keras.Model(inputs, keras.layers.Conv2D(classes, 1)(x))
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    start = [keras.ops.convert_to_numpy(variable) for variable in variables]

    def restart():
        for variable, value in zip(variables, start):
            variable.assign(value)

    @tf.function(autograph=False)
    def forward(images):
        return model(images)

    @tf.function(autograph=False)
    def update(images, gradient):
        with tf.GradientTape() as tape:
            logits = model(images)
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(logits, weights, output_gradients=gradient), weights)

    return restart, forward, update


def value_and_gradient(loss):
    """Return a function of truth and logits that gives the value of a loss and its gradient by the logits."""

    def function(y_true, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(y_true, logits)
        return value, tape.gradient(value, logits)

    return function


def train(loss, classes):
    """Train the network by a loss, from the common start.

    Returns:
        The hard Dice on cases that it was not trained on, and the largest difference between what is compiled and what
        is not, in the first step: of the value, and of the gradient as a share of its largest entry.
    """
    images, labels = data(classes)
    restart, forward, update = network(classes)
    restart()
    eager = value_and_gradient(loss)
    compiled = tf.function(eager, autograph=False)
    batches = [(tf.constant(images[batch]), tf.constant(labels[batch])) for batch in BATCHES]
    for step in range(STEPS):
        x, y = batches[step % len(batches)]
        logits = forward(x)
        value, gradient = compiled(y, logits)
        update(x, gradient)
        if step == 0:
            plain_value, plain_gradient = eager(y, logits)
            largest = np.abs(plain_gradient).max() + 1e-30
            differences = abs(float(value - plain_value)), float(np.abs(gradient - plain_gradient).max() / largest)
    dice = metrics.Dice(num_classes=classes, from_logits=True)
    dice.update_state(labels[JUDGES], forward(tf.constant(images[JUDGES])))
    return float(dice.result()), differences
