"""Requests as sequences: JSON, FASTA, FASTQ, lines of text or of numbers, read as the index reads them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Annotated, Literal

import dnaio
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..errors import InputError, SeqsearchError
from ..sequences import Sequences, as_sequences
from ..sequences.alphabet import INTEGERS
from .hosted import Hosted
from .limits import Limits
from .problems import Problem
from .questions import Search

Number = Annotated[float, Field(allow_inf_nan=False)]
Values = list[Number] | list[list[Number]]
Value = str | list[float] | list[list[float]]
Named = tuple[list[str | None], list[Value]]
"""Ids, None where there is none, and letters or series."""
FASTA_TYPES = ("text/x-fasta", "chemical/seq-na-fasta", "application/x-fasta")
_NUMBERS = "series are numbers: values in JSON, or one series a line with numbers between commas or spaces"


class Strict(BaseModel):
    """Nothing that is misspelled is passed over."""

    model_config = ConfigDict(extra="forbid")


class Query(Strict):
    """One sequence of letters, or one series."""

    id: str | None = Field(None, max_length=1000, examples=["read1"])
    sequence: str | None = Field(None, examples=["TACGGAGGATCCGAGCGTTATCCGGATTTATTGGGTTTAAAGGGAGCG"])
    values: Values | None = Field(None, examples=[None])


class Asked(Strict):
    """Queries: one by one, or as the text of a file."""

    queries: list[Query] | None = Field(None, description="Sequences with or without ids.")
    fasta: str | None = Field(
        None, description="FASTA, FASTQ, or one sequence a line (of series: numbers between commas or spaces)."
    )


class SearchAsked(Asked):
    """A search; the names are those of `seqsearch search`."""

    k: int = Field(10, ge=1, description="Neighbours of each query.")
    recall: float | None = Field(
        None, gt=0, le=1, description="As few candidates as have reached this recall where it was measured."
    )
    candidates: int | None = Field(None, ge=1, description="Verify so many candidates of each query.")
    ef: int | None = Field(None, ge=1, description="Effort of a graph, with candidates.")
    lists: int | None = Field(None, ge=1, description="Compressed lists to look into, with candidates.")
    exact: bool | Literal["within"] = Field(
        False, description='Compare with everything, by proof; "within" finds all within max_distance.'
    )
    guarantee: Literal["proved", "group", "marginal"] | None = Field(
        None, examples=[None], description="What each answer must rest on at least."
    )
    max_distance: float | None = Field(None, ge=0, allow_inf_nan=False, description="Only hits within this distance.")
    strand: Literal["plus", "both"] = Field("plus", description="both: reverse complements of DNA and RNA, too.")
    where: str | None = Field(None, max_length=10_000, examples=[None], description="A condition on columns.")
    ids: list[str] | None = Field(None, max_length=100_000, examples=[None], description="Only these stored ones.")
    columns: list[str] | None = Field(None, max_length=100, examples=[None], description="Columns of hits.")
    alignment: bool = Field(False, description="identity, coverage, cigar and target_sequence of each hit.")
    novelty: bool = Field(False, description="p_value of each query: that a known sequence lies as far.")
    records: bool = Field(False, description="The sequences that were found, each once, beside the hits.")

    def search(self, hosted: Hosted, limits: Limits) -> Search:
        """What the engine is asked. Raises Problem."""
        if self.k > limits.k:
            raise Problem(422, "too_many_neighbours", f"k is {self.k}, at most {limits.k} are answered")
        if self.exact == "within" and self.max_distance is None:
            raise Problem(422, "bad_parameter", 'exact "within" needs max_distance')
        within = self.max_distance if self.exact == "within" else None
        return Search(
            hosted,
            k=self.k if within is None else 0,
            recall=self.recall,
            candidates=self.candidates,
            ef=self.ef,
            lists=self.lists,
            exact=self.exact is True,
            guarantee=self.guarantee,
            within=within,
            strand=self.strand,
            where=self.where or None,
            ids=None if self.ids is None else tuple(self.ids),
        )


def sequences_of(
    asked: Asked, hosted: Hosted, limits: Limits, *, most: int | None = None, what: str = "queries"
) -> Sequences:
    """The queries of a request, of the kind that an index holds. Raises Problem, and InputError naming the query.

    `most`: so many at once; `what`: what they are called."""
    given = [each is not None for each in (asked.queries, asked.fasta)]
    if sum(given) != 1:
        raise Problem(422, "no_queries", "give queries or fasta", 'for example {"queries": [{"sequence": "ACGT"}]}')
    names, values = _of_queries(asked.queries) if asked.queries is not None else _of_text(asked.fasta or "", hosted)
    most = limits.queries if most is None else most
    if not values:
        raise Problem(422, "no_queries", f"there are no {what}")
    if len(values) > most:
        told = f"{len(values):,} {what} came, {most:,} are taken at once"
        raise Problem(413, "too_many", told, "send them as a job: POST /v1/jobs" if what == "queries" else None)
    ids = [str(number) if name is None else name for number, name in enumerate(names, start=1)]
    _require_length(values, ids, limits.length)
    return _made(values, ids, hosted.index.alphabet_name, what)


def _require_length(values: list[Value], ids: list[str], most: int) -> None:
    for name, value in zip(ids, values, strict=True):
        if len(value) > most:
            raise Problem(413, "too_long", f"{name[:80]} has {len(value):,} symbols, at most {most:,} are read")


def _made(values: list[Value], ids: list[str], alphabet: str | None, what: str) -> Sequences:
    """A set of the kind that is stored. Raises Problem, InputError."""
    strings = isinstance(values[0], str)
    if any(isinstance(value, str) != strings for value in values):
        raise Problem(422, "bad_input", f"some {what} are letters, others are numbers")
    if alphabet is None and strings:
        raise Problem(422, "mismatch", f"this index holds series: {_NUMBERS}")
    if alphabet is not None and not strings and alphabet != INTEGERS.name:
        raise Problem(422, "mismatch", f"this index holds {alphabet}: give letters, not numbers")
    try:
        arrays = values if strings else [np.asarray(value, np.float64) for value in values]
        return as_sequences(arrays, alphabet, ids=ids)
    except InputError as error:
        error.path = what
        raise
    except (UnicodeEncodeError, ValueError, OverflowError) as error:
        if isinstance(error, SeqsearchError):
            raise
        raise Problem(422, "bad_input", f"{what} cannot be read: {str(error)[:200]}") from None


def _of_queries(queries: Iterable[Query]) -> Named:
    names: list[str | None] = []
    values: list[Value] = []
    for number, query in enumerate(queries, start=1):
        if (query.sequence is None) == (query.values is None):
            raise Problem(422, "bad_input", f"query {number} has to have a sequence or values, one of both")
        names.append(query.id)
        values.append(query.sequence if query.sequence is not None else query.values or [])
    return names, values


def _of_text(text: str, hosted: Hosted) -> Named:
    """The records of a text: FASTA or FASTQ by its first letter, else one a line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    alphabet = hosted.index.alphabet_name
    if alphabet is not None and text[:1] in (">", "@"):
        return _of_records(text, "fasta" if text[0] == ">" else "fastq")
    lines = [line for line in (line.strip() for line in text.split("\n")) if line]
    if alphabet is None:
        return [None] * len(lines), [_numbers(line, number) for number, line in enumerate(lines, start=1)]
    return [None] * len(lines), list(lines)


def _of_records(text: str, kind: str) -> Named:
    try:
        with dnaio.open(io.BytesIO(text.encode("utf-8")), fileformat=kind) as records:
            pairs = [(record.id, record.sequence) for record in records]
    except (dnaio.FileFormatError, ValueError, EOFError) as error:
        raise Problem(422, "bad_input", f"queries: no valid {kind.upper()}: {str(error)[:200]}") from None
    return [name for name, _ in pairs], [sequence for _, sequence in pairs]


def _numbers(line: str, number: int) -> list[float]:
    try:
        return [float(word) for word in line.replace(",", " ").replace(";", " ").split()]
    except ValueError:
        raise Problem(422, "bad_input", f"line {number} is no series: {_NUMBERS}") from None
