"""`compile`: a model, a loss by name, and the hard Dice in the logs."""

from keras_seg import losses
from keras_seg import metrics as yardstick
from keras_seg.losses.deep_supervision import head_weights
from keras_seg.reading import read_outputs


def compile(
    model,
    loss="dice_ce",
    optimizer="adam",
    metrics=None,
    *,
    from_logits=None,
    multilabel=None,
    data_format=None,
    jit_compile="auto",
    **kwargs,
):
    """Compile a model with a loss of this library and the hard Dice, logged as `dice` and `val_dice`.

    What a text alone cannot say is read off the model's last layer: whether it gives logits or probabilities, and
    whether classes overlap (a sigmoid per class). A model with several outputs is taken to be deeply supervised: the
    first is the main head, each gets the loss against the target resized to it, weighing half of the one before. `fit`
    then needs the target once per output, `model.fit(x, [y] * len(model.outputs))`, and Keras puts the head's name
    before that of the metric (`val_main_dice`).

    Args:
        model: A `keras.Model` that ends in one map per class.
        loss: Whatever `keras_seg.losses.get` takes: a name, a text, a configuration or a loss.
        optimizer: As in `keras.Model.compile`.
        metrics: Metrics besides Dice. One named `"dice"` takes the place of ours.
        from_logits: Whether the model gives logits, where it cannot be read off.
        multilabel: Whether classes may overlap, where it cannot be read off (several logits).
        data_format: Where the model has its class axis, `"channels_last"` or `"channels_first"`; `None` means Keras's
            setting.
        jit_compile: As in `keras.Model.compile`. `"auto"`: what is fastest on the device; a network on TensorFlow and a
            CPU is not jitted, the loss is.
        **kwargs: As in `keras.Model.compile`.

    Returns:
        The model.

    Raises:
        ValueError: If the loss was made for logits and the model gives probabilities, or the reverse, or if neither the
            model nor the arguments tell.
    """
    outputs = read_outputs(model, data_format)
    main = outputs[0]
    from_logits = _settle("from_logits", main.from_logits, from_logits, main.name)
    multilabel = _settle("multilabel", main.multilabel, multilabel, main.name)
    loss = losses.get(loss) if not isinstance(loss, losses.DeepSupervisionLoss) else loss.loss
    if from_logits is None and loss.from_logits is None:
        raise ValueError(
            f"Cannot tell whether '{model.name}' gives logits or probabilities. Say so: "
            f"`keras_seg.compile(model, loss, from_logits=True)` or `False`."
        )
    read = {"from_logits": from_logits, "multilabel": multilabel, "data_format": data_format}
    loss = losses.get(loss, **{key: value for key, value in read.items() if value is not None})
    if main.classes is not None:
        loss.check_classes(main.classes)
    chosen = _metrics(loss, main.classes, metrics)
    if len(outputs) == 1:
        return _compile(model, optimizer, loss, chosen, jit_compile, kwargs)
    heads = [loss] + [losses.DeepSupervisionLoss(loss) for _ in outputs[1:]]
    kwargs.setdefault("loss_weights", head_weights(len(outputs)))
    others = [[] for _ in outputs[1:]]
    return _compile(model, optimizer, heads, [chosen, *others], jit_compile, kwargs)


def _compile(model, optimizer, loss, metrics, jit_compile, options):
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=jit_compile, **options)
    if model.built:
        # A model that is saved before its first step would otherwise be loaded with a warning of missing variables.
        model.optimizer.build(model.trainable_variables)
    return model


def _settle(option, read, given, name):
    """Return what is known of an option; what is read off the model and what is given must agree."""
    if None not in (read, given) and read != given:
        raise ValueError(
            f"`{option}={given}` contradicts the model: its output '{name}' has {option}={read}, by its last "
            f"activation. "
            f"Leave `{option}` out, or change the last layer."
        )
    return read if given is None else given


def _metrics(loss, classes, given):
    """Return the hard Dice, the weights of a scheduled loss, and the user's metrics."""
    chosen = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]
    taken = {getattr(metric, "name", metric) for metric in chosen}
    if "dice" not in taken:
        dice = yardstick.Dice(
            num_classes=classes,
            from_logits=bool(loss.from_logits),
            multilabel=bool(loss.multilabel),
            ignore_class=loss.ignore_class,
            data_format=loss.data_format,
        )
        chosen.insert(0, dice)
    for ramp in loss.schedules():
        if ramp.name not in taken:
            chosen.append(losses.ScheduledWeight(ramp.start, ramp.step, ramp.stop, name=ramp.name))
    return chosen
