"""Multiple alignment: profiles, aligned along a guide tree and refined by parts of it."""

from .agreement import agreement
from .multiple import MultipleAlignment, align_multiple
from .scheme import Scheme, scheme_for
from .sums import sum_of_pairs

__all__ = ["MultipleAlignment", "Scheme", "agreement", "align_multiple", "scheme_for", "sum_of_pairs"]
