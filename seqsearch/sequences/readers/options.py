"""What a caller may say about a file, once for all formats."""

from __future__ import annotations

from dataclasses import dataclass

from ..alphabet import Alphabet


@dataclass(frozen=True)
class Options:
    """`size`: records a batch; `alphabet` None: guessed; `..._column`: a column of a table or an array of an .npz."""

    size: int
    alphabet: Alphabet | None = None
    id_column: str | None = None
    sequence_column: str | None = None
    label_column: str | None = None
    description_column: str | None = None
