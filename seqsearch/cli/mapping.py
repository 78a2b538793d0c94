"""Hits as alignment programs write them: SAM (version 1.6 of its specification) and PAF (that of minimap2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from .. import __version__
from ..errors import ParameterError

if TYPE_CHECKING:
    from ..distances import AlignedPath, Distance
    from .output import HitColumns

SAM, PAF = "sam", "paf"
FORMATS = (SAM, PAF)
_UNMAPPED, _REVERSE, _SECONDARY = 4, 16, 256
_NO_QUALITY = 255  # of a mapping: nothing is said
_QUERY = re.compile(r"[!-?A-~]{1,254}")
_TARGET = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_WHITE = re.compile(r"[\t\r\n]")


def require_mapping(output_format: str, distance: Distance, alphabet: str | None) -> None:
    """Raise a usage error unless hits of a distance can be written so."""
    if alphabet is None or not (distance.alignable or distance.aligner is not None):
        what = "series are warped, not aligned" if alphabet is None else f"the distance {distance.name} has none"
        raise click.UsageError(
            f"--format {output_format} writes alignments, as edit, infix and overlap have: {what}; --format tsv or json"
        )
    if output_format == SAM and alphabet not in ("dna", "rna"):
        raise click.UsageError(f"--format sam is for dna and rna, not {alphabet}: --format paf is for all")


def sam_header(names: Iterable[str], lengths: Iterable[int]) -> str:
    """What comes before the records: all that may be named, and by whom. Raises ParameterError for an id that SAM
    cannot hold.
    """
    lines = ["@HD\tVN:1.6\tSO:unknown\tGO:query"]
    for name, length in zip(names, lengths, strict=True):
        _require(_TARGET, name, "target", "SAM")
        lines.append(f"@SQ\tSN:{name}\tLN:{length}")
    lines.append(f"@PG\tID:seqsearch\tPN:seqsearch\tVN:{__version__}")
    return "".join(f"{line}\n" for line in lines)


def mapping_text(hits: HitColumns, output_format: str) -> str:
    """The lines of a batch: in SAM one for each query without a hit, too."""
    lines = _sam(hits) if output_format == SAM else _paf(hits)
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def _require(pattern: re.Pattern[str], name: str, what: str, where: str) -> None:
    if not pattern.fullmatch(name):
        remedy = "whole headers as ids have such letters" if " " in name else "--format tsv and json hold any id"
        raise ParameterError(
            f"the id {name!r} of a {what} has letters, or so many, that {where} does not allow: {remedy}"
        )


def _sam(hits: HitColumns) -> Iterator[Sequence[object]]:
    """Of each query the first of its hits, its letters with it, then the others; a hit of which nothing is aligned is
    none.
    """
    from ..search.strands import reverse_complement

    names, texts = list(hits.queries.ids), hits.queries.texts()
    turned = reverse_complement(hits.queries).texts() if hits.table.minus.any() else texts
    targets = list(hits.answers.stored.take(hits.table.rows))
    minus, owners, paths = hits.table.minus.tolist(), hits.table.owners.tolist(), list(hits.paths)
    at = 0
    for query, name in enumerate(names):
        _require(_QUERY, name, "query", "SAM")
        flag = 0
        while at < len(owners) and owners[at] == query:
            path = paths[at]
            if path.count("=X"):
                text = "*" if flag else (turned if minus[at] else texts)[query]
                clipped = _clipped(path, len(texts[query]))
                yield (
                    *(name, flag | _REVERSE * minus[at], targets[at], path.before[1] + 1, _NO_QUALITY, clipped),
                    *("*", 0, 0, text, "*", *_tags(path)),
                )
                flag = _SECONDARY
            at += 1
        if not flag:
            yield name, _UNMAPPED, "*", 0, 0, "*", "*", 0, 0, texts[query], "*"


def _clipped(path: AlignedPath, length: int) -> str:
    """The CIGAR with the letters of the query before and after it."""
    first, last = path.query_span
    ends = (f"{count}S" if count else "" for count in (first - 1, length - last))
    return f"{next(ends)}{path.cigar}{next(ends)}"


def _tags(path: AlignedPath) -> list[str]:
    score = [] if path.score is None else [f"AS:i:{path.score}"]
    return [f"NM:i:{path.count('XID')}", *score]


def _paf(hits: HitColumns) -> Iterator[Sequence[object]]:
    """A line for each hit of which something is aligned; places from 0, of the query on its own strand."""
    names, lengths = list(hits.queries.ids), hits.queries.lengths.tolist()
    targets = list(hits.answers.stored.take(hits.table.rows))
    sizes = hits.targets.lengths_of(hits.table.rows).tolist()
    minus, owners = hits.table.minus.tolist(), hits.table.owners.tolist()
    before = -1
    for at, path in enumerate(hits.paths):
        query = owners[at]
        if not path.count("=X"):
            continue
        for name, what in ((names[query], "query"), (targets[at], "target")):
            if _WHITE.search(name):
                raise ParameterError(f"the id {name!r} of a {what} has white space that PAF does not allow")
        first, last = path.query_span
        if minus[at]:
            first, last = lengths[query] + 1 - last, lengths[query] + 1 - first
        start, end = path.target_span
        yield (
            *(names[query], lengths[query], first - 1, last, "-" if minus[at] else "+"),
            *(targets[at], sizes[at], start - 1, end, path.count("="), path.columns, _NO_QUALITY),
            *(f"tp:A:{'S' if query == before else 'P'}", *_tags(path), f"cg:Z:{path.cigar}"),
        )
        before = query
