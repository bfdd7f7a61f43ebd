"""How good predicted masks are: per case and class, summed up, as tables and files."""

from keras_seg.evaluation.case import evaluate_case
from keras_seg.evaluation.evaluation import Evaluation, evaluate_cases
from keras_seg.evaluation.masks import evaluate_masks
from keras_seg.evaluation.summary import Summary

__all__ = ["Evaluation", "Summary", "evaluate_case", "evaluate_cases", "evaluate_masks"]
