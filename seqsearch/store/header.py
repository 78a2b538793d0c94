"""The head: the one small value that says what the rest must be. Rewritten by every commit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import AnyArray
from ..errors import CorruptIndexError
from ..sequences import ALPHABETS, Alphabet, Sequences
from ..sequences.columns import KINDS, Fields
from .envelope import JSON


@dataclass(frozen=True)
class StoreHeader:
    """State of one commit.

    `lsn`, `chain`: its number and the digest of all history up to it; `digest`: the sum of the marks of all other
    values; `log_from`: the first log entry that can be replayed (after a compaction its own entry stands before it);
    `parent`: {generation, lsn, chain} a compaction started from.
    `kind`: None until the first append; `vector_dtype`: "" while there are no vectors; `columns`: names and kinds of
    those beside the sequences, left out where there are none.
    """

    generation: int = 1
    lsn: int = 0
    chain: int = 0
    log_from: int = 1
    parent: dict[str, int] | None = None
    ready: bool = False
    rows: int = 0
    live: int = 0
    digest: int = 0
    kind: str | None = None
    alphabet: dict[str, Any] | None = None
    features: int = 0
    vector_dtype: str = ""
    vector_width: int = 0
    vector_rows: int = 0
    columns: Fields = ()
    config: JSON = field(default_factory=dict)

    def to_json(self) -> JSON:
        """Names and values; 64-bit numbers as hexadecimal strings."""
        named = {"columns": [list(field) for field in self.columns]}
        content = asdict(self) | named if self.columns else {k: v for k, v in asdict(self).items() if k != "columns"}
        return content | {"digest": f"{self.digest:016x}", "chain": f"{self.chain:016x}"}

    @classmethod
    def from_json(cls, content: JSON) -> StoreHeader:
        """The inverse. Raises CorruptIndexError for names that do not belong to this format version."""
        if not isinstance(content, dict) or {"columns", *content} != {f.name for f in fields(cls)}:
            raise CorruptIndexError("the head does not have the fields of its format version")
        columns = tuple((str(name), str(kind)) for name, kind in content.get("columns", ()))
        if any(kind not in KINDS for _, kind in columns):
            raise CorruptIndexError("the head names a kind of column that there is not")
        numbers = {name: int(content[name], 16) for name in ("digest", "chain")}
        return cls(**content | numbers | {"columns": columns})

    # -- what the columns are ------------------------------------------------------------------------------------

    @cached_property
    def symbols(self) -> Alphabet | None:
        """The alphabet of token sequences, None for series."""
        if self.alphabet is None:
            return None
        made = Alphabet(**self.alphabet)
        known = ALPHABETS.get(made.name)
        return known if known is not None and known == made else made

    @property
    def step_dtype(self) -> np.dtype[Any]:
        """The type of one token or of one feature of one step, little-endian."""
        symbols = self.symbols
        return np.dtype("<f4") if symbols is None else symbols.dtype.newbyteorder("<")

    @property
    def step_bytes(self) -> int:
        return int(self.step_dtype.itemsize) * max(self.features, 1)

    @property
    def vector_type(self) -> np.dtype[Any]:
        return np.dtype(self.vector_dtype or "<f4")

    @property
    def vector_bytes(self) -> int:
        """Bytes of one vector."""
        return int(self.vector_type.itemsize) * self.vector_width

    def with_kind_of(self, sequences: Sequences) -> StoreHeader:
        """This head with the kind, alphabet and features of `sequences`."""
        a = sequences.alphabet
        spelled = (
            None
            if a is None
            else {"name": a.name, "canonical": a.canonical, "mixtures": dict(a.mixtures), "aliases": dict(a.aliases)}
        )
        return replace(self, kind=sequences.kind, alphabet=spelled, features=sequences.features)

    def with_vectors_of(self, vectors: AnyArray) -> StoreHeader:
        """This head with the type and width of `vectors`."""
        return replace(self, vector_dtype=vectors.dtype.newbyteorder("<").str, vector_width=int(vectors.shape[1]))
