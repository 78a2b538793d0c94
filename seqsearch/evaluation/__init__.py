"""Evaluation: errors of distances, ranks, recall, sweeps over budgets, reliability, rows of data and plots."""

from .accuracy import distance_errors, distortion, kendall, mean_absolute_error, percent_rmse, relative_error, spearman
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .labels import LabelReport, adjusted_rand, homogeneity_completeness_v, v_measure
from .ranks import candidate_recall, closest_accuracy, mean_reciprocal_rank, n95, ranks_of, share_within
from .rows import as_json_lines, as_table, as_tsv, read_rows, write_rows
from .sweep import Sweep, SweepRow

__all__ = [
    "LabelReport",
    "ReliabilityBin",
    "Sweep",
    "SweepRow",
    "adjusted_rand",
    "as_json_lines",
    "as_table",
    "as_tsv",
    "candidate_recall",
    "closest_accuracy",
    "distance_errors",
    "distortion",
    "expected_calibration_error",
    "homogeneity_completeness_v",
    "kendall",
    "mean_absolute_error",
    "mean_reciprocal_rank",
    "n95",
    "percent_rmse",
    "ranks_of",
    "read_rows",
    "relative_error",
    "reliability",
    "share_within",
    "spearman",
    "v_measure",
    "write_rows",
]
