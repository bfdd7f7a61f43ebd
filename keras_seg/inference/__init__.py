"""From an image to a mask: sliding window, and back to the original grid and file format."""

from keras_seg.inference.predictions import PredictionReport, predict_files
from keras_seg.inference.predictor import Predictor, predict_volume
from keras_seg.inference.probabilities import probability_model
from keras_seg.inference.sliding import sliding_window

__all__ = [
    "PredictionReport",
    "Predictor",
    "predict_files",
    "predict_volume",
    "probability_model",
    "sliding_window",
]
