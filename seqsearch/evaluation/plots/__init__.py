"""Pictures from rows of data. matplotlib is imported when the first one is drawn, without a display or global state.

Every function takes rows (dictionaries, or one dictionary of columns), writes the picture that the extension of `path`
names (png, svg, pdf) in one step, and raises ParameterError when a row lacks a column.
"""

from .calibration import plot_reliability
from .confusion import plot_confusion
from .costs import plot_costs, plot_growth
from .dendrogram import plot_dendrogram
from .distances import plot_histograms, plot_predictions
from .matching import plot_codes, plot_matrix, plot_ranks
from .speed import plot_speed
from .tables import plot_heat_map
from .training import plot_dimensions, plot_training

__all__ = [
    "plot_codes",
    "plot_confusion",
    "plot_costs",
    "plot_dendrogram",
    "plot_dimensions",
    "plot_growth",
    "plot_heat_map",
    "plot_histograms",
    "plot_matrix",
    "plot_predictions",
    "plot_ranks",
    "plot_reliability",
    "plot_speed",
    "plot_training",
]
