"""The tuner: which loss, with which parameters, by validation Dice."""

from keras_seg.tuner.confirmation import Candidate, Confirmation, Entry
from keras_seg.tuner.networks import zoo_builder
from keras_seg.tuner.result import SearchResult
from keras_seg.tuner.searching import ORACLES, search
from keras_seg.tuner.space import choose_loss, usable_alone
from keras_seg.tuner.trial import Trial
from keras_seg.tuner.tuning import LOSSES, tune

__all__ = [
    "LOSSES",
    "ORACLES",
    "Candidate",
    "Confirmation",
    "Entry",
    "SearchResult",
    "Trial",
    "choose_loss",
    "search",
    "tune",
    "usable_alone",
    "zoo_builder",
]
