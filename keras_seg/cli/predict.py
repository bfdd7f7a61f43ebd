"""Segment images with a trained run: one mask per image, in the image's format, affine, header and label values.

A file that cannot be read is listed at the end, and the others are done; the exit status is 1 then.
"""

from keras_seg.terminal import tracker


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("run_folder", metavar="RUN", help="run folder of `keras-seg train`")
    add("images", metavar="IMAGES", help="an image, a folder of images, or a data set")
    add("--out", metavar="MASKS", required=True, help="folder to write the masks into")
    add("--probabilities", action="store_true", help="write the probability of each class too")
    add("--mirror", action="store_true", help="average over mirrored images: slower, often a little better")


def run(options, console):
    """Predict, and print what could not be done."""
    import keras_seg

    trained = keras_seg.load_run(options.run_folder)
    report = trained.predict(
        options.images,
        out=options.out,
        probabilities=options.probabilities,
        mirror=options.mirror or None,
        progress=tracker(console, "Predicting"),
    )

    def say(text):
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for line in trained.label_map.describe():
        say(line)
    count = len(report.written)
    say(f"{count} file{'s' if count != 1 else ''} written to {options.out}.")
    if not report.failed:
        return 0
    say(f"{len(report.failed)} could not be done:")
    for _, reason in report.failed:
        say(f"  {reason}")
    return 1
