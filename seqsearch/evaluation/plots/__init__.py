"""Pictures from rows of data. matplotlib is imported when the first one is drawn, without a display or global state.

Every function takes rows (dictionaries, or one dictionary of columns), writes the picture that the extension of `path`
names (png, svg, pdf) in one step, and raises ParameterError when a row lacks a column.
"""

from .confusion import plot_confusion
from .dendrogram import plot_dendrogram
from .histograms import plot_histograms
from .maps import plot_map
from .reliability import plot_reliability
from .speed import plot_speed
from .tables import plot_heat_map
from .training import plot_training

__all__ = [
    "plot_confusion",
    "plot_dendrogram",
    "plot_heat_map",
    "plot_histograms",
    "plot_map",
    "plot_reliability",
    "plot_speed",
    "plot_training",
]
