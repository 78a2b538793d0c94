"""Names for the array types that rooms exchange.

Shapes are given where a function is documented: n rows, Q queries, C candidates, D dimensions, T steps, F features.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

AnyArray = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

JSON = dict[str, Any]
"""A JSON object."""
