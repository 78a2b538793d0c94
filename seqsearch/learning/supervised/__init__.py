"""Training on labels: classes of sequences, labels of elements, groups of elements."""

from .automatic import reads_words, usual_plan
from .plan import LabelPlan
from .tagging import usual_tag_plan
from .training import train_classifier, train_grouper, train_tagger

__all__ = [
    "LabelPlan",
    "reads_words",
    "train_classifier",
    "train_grouper",
    "train_tagger",
    "usual_plan",
    "usual_tag_plan",
]
