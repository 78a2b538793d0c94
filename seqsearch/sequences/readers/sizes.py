"""Abundances in headers, as vsearch and usearch write them: `read1;size=123;`."""

from __future__ import annotations

import re

import numpy as np

from ...errors import InputError, ParseError
from ..columns import Column, Columns
from ..strings import Strings
from .batches import TextBatch

SIZE = "size"
"""The column that they are kept in."""

_SIZE = re.compile(r"(?:^|;)size=([^;\s]*);?")
_MOST = 2**53  # sums of them stay exact


def sized(batch: TextBatch) -> TextBatch:
    """The batch with a column `size`, and its ids without that; 1 where a header does not say.

    The id is looked at, then the description. A size that is no whole number above 0 makes its record a wrong one.
    """
    ids, sizes = list(batch.ids), np.ones(len(batch.ids), np.int64)
    wrong: dict[int, InputError] = {}
    texts = [""] * len(ids) if batch.descriptions is None else list(batch.descriptions)
    for row, (name, text) in enumerate(zip(ids, texts, strict=True)):
        found = _SIZE.search(name) or _SIZE.search(text)
        ids[row] = without_size(name)
        if found is None:
            continue
        told = found.group(1)
        if told.isascii() and told.isdigit() and 0 < int(told) <= _MOST:
            sizes[row] = int(told)
        else:
            wrong[row] = ParseError(f"size={told} is no abundance: a whole number from 1 on is asked for")
    batch.ids = Strings.of(ids)
    batch.wrong = {**wrong, **batch.wrong}
    column = Column("int", np.zeros(len(ids), np.bool_), sizes)
    batch.columns = Columns({**{name: batch.columns[name] for name in batch.columns}, SIZE: column})
    return batch


def without_size(name: str) -> str:
    """A name without the abundance in it.

    >>> without_size("read1;size=123;"), without_size("read1;size=123;sample=x")
    ('read1', 'read1;sample=x')
    """
    found = _SIZE.search(name)
    if found is None:
        return name
    before, after = name[: found.start()], name[found.end() :]
    return f"{before};{after}" if before and after else before + after
