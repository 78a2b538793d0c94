"""scikit-learn, imported in this one place: its bases, and what is used of them, typed (it ships no types itself)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..extras import SKLEARN, imported

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing as npt

    class InputTags:
        """What an estimator says of its input."""

        string: bool
        three_d_array: bool

    class TransformerTags:
        """What a transformer says of its output."""

        preserves_dtype: list[str]

    class Tags:
        """What an estimator says of itself."""

        input_tags: InputTags
        transformer_tags: TransformerTags

    class BaseEstimator:
        """The base of all estimators."""

        def get_params(self, deep: bool = True) -> dict[str, object]: ...
        def set_params(self, **params: object) -> Self: ...
        def __setstate__(self, state: dict[str, object]) -> None: ...
        def __sklearn_tags__(self) -> Tags: ...

    class OutlierMixin:
        """Marks detectors of outliers."""

    class ClassifierMixin:
        """Marks classifiers."""

        def score(self, X: object, y: object, sample_weight: object = None) -> float: ...

    class TransformerMixin:
        """Marks what transforms."""

    class ClassNamePrefixFeaturesOutMixin:
        """Names the columns of the output by the class."""

        def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[Any]: ...

    class NotFittedError(ValueError, AttributeError):
        """Used before it was fitted."""

    def class_column(y: object) -> npt.NDArray[Any]: ...

else:
    _base = imported("sklearn.base", SKLEARN)
    BaseEstimator = _base.BaseEstimator
    ClassifierMixin = _base.ClassifierMixin
    ClassNamePrefixFeaturesOutMixin = _base.ClassNamePrefixFeaturesOutMixin
    OutlierMixin = _base.OutlierMixin
    TransformerMixin = _base.TransformerMixin
    NotFittedError = imported("sklearn.exceptions", SKLEARN).NotFittedError

    def class_column(y):
        """(n,) classes. Raises ValueError for numbers that are no classes, and for what is no column."""
        column = imported("sklearn.utils.validation", SKLEARN).column_or_1d(y, warn=True)
        if column.dtype.kind == "f":
            imported("sklearn.utils", SKLEARN).assert_all_finite(column, input_name="y")
        imported("sklearn.utils.multiclass", SKLEARN).check_classification_targets(column)
        return column


class UnfittedError(ParameterError, NotFittedError):
    """An estimator is used before it was fitted: scikit-learn's NotFittedError, and ours."""
