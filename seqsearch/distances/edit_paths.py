"""A shortest path of edits between two sequences: rapidfuzz's, always the same one."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray
from .paths import AlignedPath

_LETTERS = {"equal": "=", "replace": "X", "delete": "I", "insert": "D"}


class EditPath(AlignedPath):
    """A path from end to end, whose columns that are not equal are edits."""

    @property
    def edits(self) -> int:
        return self.count("XID")


def path_between(query: AnyArray, target: AnyArray) -> EditPath:
    """A shortest path between two code arrays."""
    from rapidfuzz.distance import Levenshtein

    operations = Levenshtein.opcodes(_comparable(query), _comparable(target))
    return EditPath(
        tuple(
            (_LETTERS[step.tag], max(step.src_end - step.src_start, step.dest_end - step.dest_start))
            for step in operations
        )
    )


def _comparable(codes: AnyArray) -> bytes | list[int]:
    return codes.tobytes() if codes.dtype == np.uint8 else codes.tolist()
