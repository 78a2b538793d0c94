"""Training on labels: classes of sequences, labels of elements, groups of elements."""

from .plan import LabelPlan
from .training import train_classifier, train_grouper, train_tagger

__all__ = ["LabelPlan", "train_classifier", "train_grouper", "train_tagger"]
