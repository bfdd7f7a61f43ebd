"""Write a data set with the same images and other labels: classes kept or merged, borders as a class; or phantoms.

--keep, --merge and --border are done in this order, and what is left is numbered 1, 2, ... in its order.

  keras-seg derive DATA NEW --merge 1 2           both classes as one
  keras-seg derive DATA NEW --keep 3              class 3 alone; the others become background
  keras-seg derive DATA NEW --border 2            what lies within 2 voxels of an edge becomes the last class
  keras-seg derive phantoms NEW --cases 60 --shape 64 64 64 --classes 4 --foreground 0.02
"""

from keras_seg.terminal import say, tracker


def add_arguments(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("data", metavar="DATA", help="folder of images/ and labels/, an MSD task or an nnU-Net data set; or `phantoms`")
    add("out", metavar="NEW", help="folder to write, which must not hold anything")
    add("--keep", nargs="+", type=int, metavar="CLASS", help="classes to keep (all)")
    add("--merge", nargs="+", type=int, metavar="CLASS", help="classes that become one")
    add("--border", type=int, metavar="N", help="width in voxels of a border class")
    group = parser.add_argument_group("phantoms", "Scans of a trunk with labelled structures, made by a seed.")
    add = group.add_argument
    add("--cases", type=int, metavar="N", default=24, help="number of cases (24)")
    add("--shape", nargs="+", type=int, metavar="N", default=[48, 48, 48], help="voxels along two or three axes (48s)")
    add("--classes", type=int, metavar="N", default=3, help="classes, the background counted (3)")
    add("--foreground", type=float, metavar="SHARE", default=0.05, help="share of the voxels of all classes (0.05)")
    add("--empty", type=float, metavar="SHARE", default=0.0, help="share of the cases without any structure (0)")
    add("--seed", type=int, metavar="S", default=0, help="of the phantoms (0)")


def run(options, console):
    """Write the data set, and say what its classes are."""
    from keras_seg import data

    progress = tracker(console, "Writing")
    if options.data == "phantoms":
        data.write_phantoms(
            options.out,
            options.cases,
            shape=tuple(options.shape),
            num_classes=options.classes,
            foreground=options.foreground,
            empty=options.empty,
            seed=options.seed,
            progress=progress,
        )
        say(console, f"{options.out}: {options.cases} phantoms with {options.classes - 1} classes.")
        return
    names = data.derive(
        options.data, options.out, keep=options.keep, merge=options.merge, border=options.border, progress=progress
    )
    say(console, f"{options.out}: {', '.join(f'{index} {name}' for index, name in enumerate(names))}.")
