"""Routes for the records of an index: one by id, many by a condition, and changes where these are allowed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request
from fastapi import Query as Asks
from pydantic import Field

from ..arrays import JSON
from ..distributed import ShardedIndex
from ..errors import InputError
from ..search.conditions import Where
from ..sequences import Sequences
from ..sequences.columns import Value
from ..sequences.strings import Strings
from .answering import record_json
from .asking import Asked, Query, Strict, Values, sequences_of
from .documented import body
from .hosted import Hosted
from .problems import Problem
from .web import PROBLEMS, Answer, asked_of, beside, hosted_of, require_write, service_of

router = APIRouter(prefix="/v1/indexes/{name}/records", responses=PROBLEMS)
_EXAMPLE = "TACGGAGGATCCGAGCGTTATCCGG"


class Record(Strict):
    """What is stored of one sequence."""

    id: str = Field(min_length=1, max_length=1000, examples=["gene7"])
    sequence: str | None = Field(None, examples=[_EXAMPLE])
    values: Values | None = Field(None, examples=[None])
    label: str = Field("", max_length=1000, examples=["Bacteroides"])
    columns: dict[str, str | int | float | bool | list[str] | None] = Field(
        {}, max_length=100, description="Of the columns that the index has.", examples=[{}]
    )


class RecordsGiven(Strict):
    """Records one by one, or as the text of a FASTA or FASTQ file."""

    records: list[Record] | None = None
    fasta: str | None = Field(None, examples=[None])

    def sequences(self, request: Request, hosted: Hosted) -> tuple[Sequences, dict[str, list[Value]]]:
        """Them, and the values beside them by column. Raises Problem, InputError."""
        limits = service_of(request).limits
        if self.fasta is not None and not self.fasta.lstrip("\ufeff\r\n").startswith((">", "@")):
            raise Problem(422, "bad_input", "fasta begins with neither > nor @: records need ids")
        given = None
        if self.records is not None:
            given = [Query(id=each.id, sequence=each.sequence, values=each.values) for each in self.records]
        asked = Asked(queries=given, fasta=self.fasta)
        made = sequences_of(asked, hosted, limits, most=limits.records, what="records")
        labels = [each.label for each in self.records or ()]
        if any(labels):
            parts = made.data, made.offsets, made.ids, made.alphabet, made.descriptions, Strings.of(labels)
            made = Sequences(*parts)
        names, known = dict.fromkeys(name for each in self.records or () for name in each.columns), hosted.index.columns
        if unknown := [name for name in names if name not in known]:
            told = f"this index has no column {unknown[0]!r}: {', '.join(known) or 'it has none'}"
            raise Problem(422, "unknown_column", told)
        return made, {name: [each.columns.get(name) for each in self.records or ()] for name in names}


class Removed(Strict):
    """Which records are removed."""

    ids: list[str] = Field(min_length=1, examples=[["gene7"]])


@router.get("", summary="Records by label or condition")
async def records(
    request: Request,
    name: str,
    label: Annotated[str | None, Asks(max_length=1000, description="Only those of this label.")] = None,
    where: Annotated[str | None, Asks(max_length=10_000, description="Only those that fulfil a condition.")] = None,
    limit: Annotated[int, Asks(ge=1, le=1000)] = 100,
    offset: Annotated[int, Asks(ge=0, le=1 << 40)] = 0,
) -> Answer:
    """In the order they came; `total` says how many there are."""
    hosted = hosted_of(request, name)
    if label is not None and where:
        raise Problem(422, "bad_parameter", "give label or where, which may hold a condition on label")
    condition: Where | None = {"label": [label]} if label is not None else where or None

    def found() -> JSON:
        hosted.look()
        index = hosted.index
        if isinstance(index, ShardedIndex):
            whole = index.sequences if condition is None else index.matching(condition)
            part = whole[offset : offset + limit]
            return {"total": len(whole), "offset": offset, "records": [record_json(one) for one in part]}
        with index.state() as state:
            mask = state.allowed(None, condition)
            rows = np.flatnonzero(state.live if mask is None else mask)
            some = state.targets[rows[offset : offset + limit]]
        return {"total": len(rows), "offset": offset, "records": [record_json(some[at]) for at in range(len(some))]}

    return Answer(await service_of(request).slowly(found))


@router.get("/{record_id:path}", summary="One record")
async def record(request: Request, name: str, record_id: str) -> Answer:
    """Its letters or values, label, description and columns."""
    hosted = hosted_of(request, name)

    def found() -> JSON:
        hosted.look()
        return record_json(hosted.index[record_id])

    return Answer(await asyncio.to_thread(found))


class LookUp(Strict):
    """Some records by id; `records`: themselves, not only whether they are there."""

    ids: list[str] = Field(max_length=10_000, examples=[["gene7"]])
    records: bool = True


@router.post("/lookup", summary="Some records by id", openapi_extra=body(LookUp, fasta=False))
async def lookup(request: Request, name: str) -> Answer:
    """In the order of the ids; null for one that is not there."""
    hosted, asked = hosted_of(request, name), await asked_of(request, LookUp, fasta=False)

    def found() -> JSON:
        hosted.look()
        index = hosted.index
        if isinstance(index, ShardedIndex):
            held = index.holds(asked.ids)
            if not asked.records:
                return {"held": held.tolist()}
            known = iter(index.get([name for name, here in zip(asked.ids, held.tolist(), strict=True) if here]))
            return {"records": [record_json(next(known)) if here else None for here in held.tolist()]}
        with index.state() as state:
            rows = state.find(asked.ids)
            there = np.flatnonzero(rows >= 0)
            if not asked.records:
                return {"held": (rows >= 0).tolist()}
            some = state.targets[rows[there]]
        records: list[JSON | None] = [None] * len(rows)
        for at, place in enumerate(there.tolist()):
            records[place] = record_json(some[at])
        return {"records": records}

    return Answer(await service_of(request).slowly(found))


def _writable(request: Request, name: str) -> Hosted:
    hosted = hosted_of(request, name)
    if not hosted.writable:
        raise Problem(409, "read_only", "records of this service do not change", "seqsearch serve --writable")
    require_write(request)
    return hosted


@router.post("", summary="Add records", status_code=201, openapi_extra=body(RecordsGiven))
async def add(request: Request, name: str) -> Answer:
    """All of them or none; they are on disk when it answers, and found from then on."""
    return await _changed(request, _writable(request, name), "added")


@router.put("", summary="Replace records of the same ids", openapi_extra=body(RecordsGiven))
async def update(request: Request, name: str) -> Answer:
    """All of them or none; columns that are not given keep their values."""
    return await _changed(request, _writable(request, name), "updated")


async def _changed(request: Request, hosted: Hosted, what: str) -> Answer:
    given = await asked_of(request, RecordsGiven)
    sequences, columns = await beside(request, lambda: given.sequences(request, hosted))
    change = hosted.index.add if what == "added" else hosted.index.update

    def done() -> JSON:
        try:
            change(sequences, columns=columns or None)
        except InputError as error:
            error.path = "records"
            raise
        return {what: len(sequences), "sequences": len(hosted.index)}

    return Answer(await service_of(request).writing(done), 201 if what == "added" else 200)


@router.delete("", summary="Remove records", openapi_extra=body(Removed, fasta=False))
async def remove(request: Request, name: str) -> Answer:
    """All of them or, where one is not there, none."""
    hosted = _writable(request, name)
    asked = await asked_of(request, Removed, fasta=False)
    most = service_of(request).limits.records
    if len(asked.ids) > most:
        raise Problem(413, "too_many_records", f"{len(asked.ids):,} ids came, {most:,} are removed at once")
    return await _removed(request, hosted, asked.ids)


@router.delete("/{record_id:path}", summary="Remove one record")
async def remove_one(request: Request, name: str, record_id: str) -> Answer:
    """It is gone when it answers."""
    return await _removed(request, _writable(request, name), [record_id])


async def _removed(request: Request, hosted: Hosted, ids: list[str]) -> Answer:
    def done() -> JSON:
        hosted.index.remove(ids)
        return {"removed": len(set(ids)), "sequences": len(hosted.index)}

    return Answer(await service_of(request).writing(done))
