"""Save a model with each loss, for ever: a released file must open in every later version, with the same numbers.

    python tests/losses/make_saved.py            # write what is missing
    python tests/losses/make_saved.py tversky    # write these, if they are missing
    python tests/losses/make_saved.py --force tversky

For each loss there are `saved/NAME.keras`, compiled with arguments that are not its defaults, and `saved/NAME.json`
with the loss's configuration, its text, and its value on fixed arrays. An existing file is only written anew with
`--force`, which is never right for a loss that has been released.
"""

import argparse
import json
import pathlib
import zipfile

import keras
import numpy as np

import keras_seg

FOLDER = pathlib.Path(__file__).parent / "saved"
CLASSES = 3
SHAPE = (8, 7)
# Overlapping classes and channels first would need other arrays.
LEFT_OUT = ("multilabel", "data_format")


def arrays():
    """Return features `[2, *SHAPE, 2]`, labels `[2, *SHAPE]`, some of them ignored, and voxel weights `[2, *SHAPE]`.

    Written out as formulas: random numbers may change with the version of NumPy.
    """
    place = np.arange(2 * SHAPE[0] * SHAPE[1], dtype="float64").reshape(2, *SHAPE)
    features = np.stack([np.sin(place), np.cos(0.37 * place)], axis=-1)
    rows, columns = np.indices(SHAPE)
    labels = np.stack([(rows // 3 + columns // 4) % CLASSES, (rows > 2) * (columns > 1) + (columns > 5)])
    labels[:, -1, 2:4] = 255
    weights = 1 + (place % 5 == 0)
    return features.astype("float32"), labels.astype("uint8"), weights.astype("float32")


def make(name):
    """Return a small model compiled with a loss of which no argument has its default."""
    from loss_cases import other_options

    inputs = keras.Input((*SHAPE, 2), name="features")
    kernel = np.array([[1.5, -1.0, 0.25], [0.5, 1.0, -1.25]], "float32")
    layer = keras.layers.Dense(CLASSES, use_bias=False, name="logits")
    model = keras.Model(inputs, layer(inputs), name="saved")
    layer.set_weights([kernel])
    model.compile("sgd", loss=keras_seg.losses.get(name, **other_options(name, leave_out=LEFT_OUT)))
    model.optimizer.build(model.trainable_variables)
    return model


def report(model):
    """Return what must be the same whenever the file is loaded: configuration, text, and value with voxel weights."""
    features, labels, weights = arrays()
    logits = model(features)
    config = keras.saving.serialize_keras_object(model.loss)
    value = model.loss(labels, logits, weights)
    return {"config": config, "text": str(model.loss), "value": float(keras.ops.convert_to_numpy(value))}


def save(name, folder=FOLDER):
    """Write the two files of a loss."""
    model = make(name)
    path = folder / f"{name}.keras"
    model.save(path)
    pack(path)
    # What is written down is what the file gives, not what the model in memory gave.
    facts = report(keras_seg.load_model(path))
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def pack(path):
    """Deflate the parts of a `.keras` file, which Keras stores as they are: 2 kB instead of 13."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="losses; all by default")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in options.names or keras_seg.losses.names():
        if options.force or not (FOLDER / f"{name}.keras").exists():
            save(name)
            print("saved", name, flush=True)


if __name__ == "__main__":
    main()
