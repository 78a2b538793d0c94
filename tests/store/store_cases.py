"""What the tests of the store share: sets of records, vectors, and a way to compare."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from seqsearch.arrays import AnyArray
from seqsearch.sequences import DNA, TEXT, Sequences, Strings, offsets_of
from seqsearch.store import Store

ROOT = Path(__file__).parents[2]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ANY_ID = st.one_of(ANY_TEXT, st.text("αβ日/\\\0 ", max_size=300), st.binary(min_size=600, max_size=700).map(bytes.hex))


def dna(ids: list[str], seed: int = 0) -> Sequences:
    """A DNA set with those ids, letters drawn at random."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 60, len(ids))
    data = rng.integers(0, 4, int(lengths.sum())).astype(np.uint8)
    return Sequences(data, offsets_of(lengths), Strings.of(ids), DNA, None, Strings.of(f"label {i}" for i in ids))


def points(count: int, seed: int = 0, width: int = 4) -> AnyArray:
    """(count, width) float32."""
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def numbered(first: int, stop: int) -> list[str]:
    return [f"id{i}" for i in range(first, stop)]


@st.composite
def record_sets(draw: st.DrawFn, ids: st.SearchStrategy[list[str]] | None = None) -> Sequences:
    """Sets of uint8 tokens, uint32 tokens or series, with any ids, descriptions and labels."""
    names = draw(ids if ids is not None else st.lists(ANY_ID, min_size=1, max_size=30, unique=True))
    lengths = np.array(draw(st.lists(st.integers(1, 40), min_size=len(names), max_size=len(names))), np.int64)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    total = int(lengths.sum())
    kind = draw(st.sampled_from(["dna", "text", "series"]))
    data: AnyArray
    if kind == "dna":
        data = rng.integers(0, len(DNA.letters), total).astype(np.uint8)
    elif kind == "text":
        data = rng.integers(1, 0xD000, total).astype(np.uint32)
    else:
        data = rng.normal(size=(total, draw(st.integers(1, 3)))).astype(np.float32)
    columns = [Strings.of(draw(st.lists(ANY_TEXT, min_size=len(names), max_size=len(names)))) for _ in range(2)]
    alphabet = {"dna": DNA, "text": TEXT, "series": None}[kind]
    return Sequences(data, offsets_of(lengths), Strings.of(names), alphabet, *columns)


def same(one: Sequences, other: Sequences) -> bool:
    """Equal in every column."""
    return (
        one.digest() == other.digest()
        and one.data.dtype == other.data.dtype
        and one.descriptions == other.descriptions
        and one.labels == other.labels
    )


def rows_of_index(path: str) -> int:
    """What a process of its own reads."""
    with Store.open(path) as store:
        return len(store.sequences())


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
