"""Pictures that only benchmarks draw, in the style of `seqsearch.evaluation.plots`."""

from .costs import plot_costs, plot_growth
from .dimensions import plot_dimensions
from .matching import plot_codes, plot_matrix, plot_ranks

__all__ = ["plot_codes", "plot_costs", "plot_dimensions", "plot_growth", "plot_matrix", "plot_ranks"]
