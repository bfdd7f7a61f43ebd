"""Training: from a folder of cases to a recipe, and from a recipe to a run."""

from keras_seg.training.callbacks.divergence import TrainingDiverged
from keras_seg.training.checks import CheckReport, check_data
from keras_seg.training.network import build
from keras_seg.training.planning.machine import Resources, resources
from keras_seg.training.planning.plans import Plan, plan
from keras_seg.training.planning.timing import Schedule, Timing, epochs_for, time_step
from keras_seg.training.planning.workload import memory_of
from keras_seg.training.recipes.recipe import Recipe
from keras_seg.training.run import Run, load_run
from keras_seg.training.trainings import train

__all__ = [
    "CheckReport",
    "Plan",
    "Recipe",
    "Resources",
    "Run",
    "Schedule",
    "Timing",
    "TrainingDiverged",
    "build",
    "check_data",
    "epochs_for",
    "load_run",
    "memory_of",
    "plan",
    "resources",
    "time_step",
    "train",
]
