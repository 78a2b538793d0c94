"""`X` of an estimator: what is wrong with an array is told in the words of scikit-learn, which its users know."""

from __future__ import annotations

import numpy as np

from ..errors import ParameterError
from ..sequences import SequencesLike


def checked(X: SequencesLike) -> SequencesLike:
    """`X`, an array where it can only be made one. Raises ParameterError for arrays that hold no real series: sparse,
    complex, of one axis, without steps, with values that are missing or infinite.
    """
    if hasattr(X, "tocsr"):
        raise ParameterError("X is a sparse matrix, which is not supported: series are dense arrays, X.toarray()")
    if not hasattr(X, "__iter__") and not hasattr(X, "__arrow_c_stream__") and hasattr(X, "__array__"):
        X = np.asarray(X)
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "biufc":
        return X
    if X.dtype.kind == "c":
        raise ParameterError("X: Complex data not supported: a series is of real numbers")
    if X.ndim == 1:
        raise ParameterError("X is one array of numbers. Reshape your data: one series goes in a list, [X]")
    if X.ndim > 1 and 0 in X.shape[1:]:
        raise ParameterError(
            f"X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required: a step of a series"
        )
    if not np.isfinite(X).all():
        row = int(np.argmin(np.isfinite(X).reshape(len(X), -1).all(axis=1)))
        raise ParameterError(f"X contains NaN or infinity, at first in row {row}: fill gaps, or leave such series out")
    return X


def width(X: SequencesLike) -> int | None:
    """T of an (n, T) array of numbers, or of n lists of T numbers, which are one to scikit-learn; None of anything
    else, such as a list of arrays, which may be of any lengths."""
    if isinstance(X, list):
        lists = [row for row in X if isinstance(row, list)]
        lengths = set(map(len, lists))
        flat = len(lists) == len(X) and len(lengths) == 1 and all(isinstance(row[0], (int, float)) for row in lists)
        return lengths.pop() if flat else None
    return int(X.shape[1]) if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "biuf" else None
