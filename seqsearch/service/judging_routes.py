"""Routes for what is made of neighbours: novelty, classes, alignments; and for embeddings."""

from __future__ import annotations

from typing import Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import Field

from ..arrays import JSON
from ..errors import ParameterError
from ..search.alignment import Alignments
from ..search.classifying import NeighbourClassifier
from ..search.novelty.options import NoveltyFields
from ..search.strands import reverse_complement
from ..search.table import HitTable
from ..sequences import Sequences
from .answering import number, series_json
from .asking import Asked, Query, Strict, sequences_of
from .documented import body
from .hosted import Hosted
from .problems import Problem
from .web import PROBLEMS, Answer, asked_of, hosted_of, queries_of, service_of

router = APIRouter(prefix="/v1/indexes/{name}", responses=PROBLEMS)
_MOST_ALIGNED = 200
_MOST_CELLS = 1 << 24  # of one alignment


class NoveltyAsked(Asked):
    """Is it new? The names are those of `seqsearch novelty`."""

    method: str = Field("nearest", description="nearest, mean, kth, lof, shells or reconstruction.")
    by: str | None = Field(None, examples=[None], description="exact or embedding.")
    k: int | None = Field(None, ge=1, le=1000, examples=[None])
    fpr: float = Field(0.01, gt=0, lt=1, description="Share of known sequences that may be called novel.")
    bh: bool = Field(False, description="fpr is the false discovery rate over all queries.")
    ties: str = "smoothed"
    strand: Literal["plus", "both"] = "plus"
    where: str | None = Field(None, max_length=10_000, examples=[None])

    def options(self) -> NoveltyFields:
        """As `SequenceIndex.novelty` takes them."""
        return {
            "method": self.method,
            "by": self.by,
            "k": self.k,
            "fpr": self.fpr,
            "bh": self.bh,
            "ties": self.ties,
            "strand": self.strand,
        }


class ClassifyAsked(Asked):
    """Which class? The names are those of `seqsearch classify`."""

    k: int = Field(10, ge=1, le=1000)
    weighting: Literal["distance", "uniform"] = "distance"
    abstain: float = Field(0.0, ge=0, lt=1, description="No label for what looks new at this level.")
    strand: Literal["plus", "both"] = "plus"
    where: str | None = Field(None, max_length=10_000, examples=[None])
    recall: float | None = Field(None, gt=0, le=1, examples=[None])
    exact: bool = False


class AlignAsked(Strict):
    """A query and the stored sequences to align it with."""

    query: Query
    targets: list[str] = Field(min_length=1, max_length=_MOST_ALIGNED, examples=[["gene7"]])
    strand: Literal["plus", "minus"] = Field("plus", description="minus: its reverse complement.")


@router.post("/novelty", summary="Is each query new, and how sure is that?", openapi_extra=body(NoveltyAsked))
async def novelty(request: Request, name: str) -> Answer:
    """The p-value is that a known sequence would score as high; the first question of a kind measures that."""
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, NoveltyAsked)
    queries = await queries_of(request, asked, hosted)

    def judged() -> JSON:
        with hosted.judging(keeps=False) as index:
            found = index.novelty(queries, where=asked.where or None, **asked.options())
        results = [
            {
                "query": one.query,
                "score": number(one.score),
                "p_value": float(f"{one.p_value:.4g}"),
                "novel": one.novel,
                "nearest": one.nearest or None,
                "distance": number(one.distance),
                "guarantee": rests,
                **({} if one.q_value is None else {"q_value": float(f"{one.q_value:.4g}")}),
            }
            for one, rests in zip(found, found.guarantee.tolist(), strict=True)
        ]
        return {"results": results, "known": found.known, "fpr": found.fpr, "warnings": list(found.warnings)}

    return Answer(await service.slowly(judged))


@router.post("/classify", summary="The class of each query, by its neighbours", openapi_extra=body(ClassifyAsked))
async def classify(request: Request, name: str) -> Answer:
    """`probability` is the share of the votes; a label is null where nobody votes or, with abstain, for what is new."""
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, ClassifyAsked)
    queries = await queries_of(request, asked, hosted)

    def judged() -> JSON:
        with hosted.beside(keeps=False) as index:
            options = {"recall": asked.recall, "exact": asked.exact}
            judge = NeighbourClassifier(
                index,
                k=asked.k,
                weighting=asked.weighting,
                abstain=asked.abstain,
                where=asked.where or None,
                strand=asked.strand,
                **options,  # type: ignore[arg-type]  # of a budget
            )
            votes = judge.classify(queries)
        p_values = [None] * len(queries) if votes.p_values is None else votes.p_values.tolist()
        results = []
        sure, nearest, names = votes.confidence.tolist(), votes.nearest.tolist(), votes.names()
        for at, shares in enumerate(votes.shares):
            voted = np.flatnonzero(shares).tolist()
            results.append(
                {
                    "query": queries.ids[at],
                    "label": names[at] or None,
                    "probability": round(sure[at], 6),
                    "distance": number(nearest[at]),
                    "p_value": p_values[at],
                    "guarantee": str(votes.guarantee[at]),
                    "probabilities": {votes.labels[one]: round(float(shares[one]), 6) for one in voted},
                }
            )
        return {"results": results}

    return Answer(await service.slowly(judged))


@router.post("/embed", summary="The point or code of each query", openapi_extra=body(Asked))
async def embed(request: Request, name: str) -> Answer:
    """As `seqsearch embed`: numbers, or the bytes of a binary code."""
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, Asked)
    queries = await queries_of(request, asked, hosted)

    def embedded() -> JSON:
        model = hosted.one.model
        model.spec.require(queries)
        vectors = model.vectors(queries).tolist()
        results = [{"query": query, "vector": vector} for query, vector in zip(queries.ids, vectors, strict=True)]
        return {"results": results, "dim": model.dim, "geometry": model.geometry, "bits": model.bits}

    return Answer(await service.slowly(embedded))


@router.post("/align", summary="A query beside stored sequences", openapi_extra=body(AlignAsked, fasta=False))
async def align(request: Request, name: str) -> Answer:
    """Of letters: the path behind the distance, as a CIGAR and as three rows of columns. Of series: the pairs of steps
    of the path, where the distance tells one."""
    service, hosted = service_of(request), hosted_of(request, name)
    asked = await asked_of(request, AlignAsked, fasta=False)
    queries = sequences_of(Asked(queries=[asked.query], fasta=None), hosted, service.limits)
    return Answer(await service.slowly(lambda: _aligned(hosted, queries, asked.targets, asked.strand == "minus")))


def _aligned(hosted: Hosted, queries: Sequences, ids: list[str], minus: bool) -> JSON:
    hosted.look()
    targets, distance = hosted.index.get(ids), hosted.index.distance
    cells = int(queries.lengths[0]) * int(targets.lengths.max())
    if cells > _MOST_CELLS:
        raise Problem(413, "too_long", f"an alignment has {cells:,} cells, at most {_MOST_CELLS:,} are drawn")
    queries.require_same_kind(targets)
    asked = reverse_complement(queries) if minus else queries
    count = len(targets)
    places = np.arange(count)
    distances = distance.pairs(asked, np.zeros(count, np.int64), targets, places)
    told: list[JSON] = [
        {"target": name, "distance": number(apart)} for name, apart in zip(ids, distances.tolist(), strict=True)
    ]
    if targets.alphabet is None:
        warped = getattr(distance, "path", None)
        for at, each in enumerate(told):
            series = targets[at].data
            each["target_values"] = series_json(series)
            each["path"] = None if warped is None else warped(asked[0].data, series).tolist()
        return {"query": queries.ids[0], "alignments": told}
    if not (distance.alignable or distance.aligner is not None):
        raise ParameterError(f"alignments are of edit distances: {distance.name} is another")
    table = HitTable(np.zeros(count, np.int64), places, distances, np.full(count, minus), 1)
    paths = Alignments(queries, targets, table, distance.aligner)
    for at, (each, coverage) in enumerate(zip(told, paths.coverages.tolist(), strict=True)):
        path = paths[at]
        each |= {
            "strand": "-" if minus else "+",
            "identity": round(path.identity, 4),
            "coverage": round(coverage, 4),
            "cigar": path.cigar,
            "query_start": path.query_span[0],
            "query_end": path.query_span[1],
            "target_start": path.target_span[0],
            "target_end": path.target_span[1],
            **dict(zip(("query_row", "marks", "target_row"), paths.rows(at), strict=True)),
        }
    return {"query": queries.ids[0], "alignments": told}
