"""Training on labels: classes of sequences, labels of elements, groups of elements."""

from .classifier import train_classifier
from .grouper import train_grouper
from .plan import LabelPlan
from .tagger import train_tagger

__all__ = ["LabelPlan", "train_classifier", "train_grouper", "train_tagger"]
