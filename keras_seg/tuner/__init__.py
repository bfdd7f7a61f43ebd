"""The tuner: which loss, with which parameters, by validation Dice."""

from keras_seg.tuner.files import check_folder
from keras_seg.tuner.networks import zoo_builder
from keras_seg.tuner.result import SearchResult, Trial
from keras_seg.tuner.searching import ORACLES, search
from keras_seg.tuner.space import choose_loss, usable_alone
from keras_seg.tuner.task import Task, TestReport, load_task

__all__ = [
    "ORACLES",
    "SearchResult",
    "Task",
    "TestReport",
    "Trial",
    "check_folder",
    "choose_loss",
    "load_task",
    "search",
    "usable_alone",
    "zoo_builder",
]
