"""Tunes in ABC notation, read by music21: repeats are played, ties held, grace notes left out."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from seqsearch.errors import MissingExtraError, ParseError
from seqsearch.sequences.readers.midi import Notes

_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)
_LOUDNESS = 90.0
"""Velocity of every note: ABC does not tell."""


def abc_tunes(content: bytes, name: str, stem: str) -> Iterator[tuple[str, Notes]]:
    """(id, notes) of every tune of an ABC file. Without a tempo a quarter lasts half a second.

    One tune has the id `stem`, of several each has its number (X:) behind it, or its place where numbers come twice.
    Raises ParseError and MissingExtraError (music21).
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # what older collections are written in
    header, *tunes = _TUNE.split(text)
    if not tunes:
        raise ParseError("no ABC notation: no line begins with X:", path=name)
    # tune by tune: of two with one number music21 keeps the second only
    numbers = [tune.splitlines()[0][2:].strip() for tune in tunes]
    ids = numbers if len(set(numbers)) == len(numbers) else [str(place) for place in range(1, len(tunes) + 1)]
    for number, own, tune in zip(numbers, ids, tunes, strict=True):
        try:
            notes = _notes(header + tune)
        except ValueError as error:
            raise ParseError(f"the tune X:{number} is not readable: {error}", path=name) from None
        yield (stem if len(tunes) == 1 else f"{stem}-{own}"), notes


def _notes(text: str) -> Notes:
    """The notes of one tune. Raises ValueError."""
    try:
        from music21 import converter
        from music21.exceptions21 import Music21Exception
    except ImportError:
        raise MissingExtraError("music21", "bench") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            score = converter.parseData(text, format="abc")
            with contextlib.suppress(Music21Exception):  # repeats that do not close, no bars: as it is written
                score = _opened(score).expandRepeats()
            rows = sorted(_sounding(score))
        except (Music21Exception, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(str(error) or type(error).__name__) from None
    table = np.array(rows, np.float64).reshape(-1, 4)
    return Notes(table[:, 1].astype(np.int64), table[:, 0], table[:, 2], table[:, 3])


def _opened(score: Any) -> Any:
    """The score with every repeat that begins silently, where the last one ended, begun by a sign.

    Without it music21 repeats from the very beginning, each time twice as long.
    """
    from music21.bar import Repeat

    for part in score.parts:
        measures = list(part.getElementsByClass("Measure"))
        begins = 0
        for place, measure in enumerate(measures):
            left, right = measure.leftBarline, measure.rightBarline
            if isinstance(left, Repeat) and left.direction == "start":
                begins = 0
            if isinstance(right, Repeat) and right.direction == "end":
                if begins:
                    measures[begins].leftBarline = Repeat(direction="start")
                begins = place + 1
    return score


def _sounding(score: Any) -> Iterator[tuple[float, int, float, float]]:
    """(start, pitch, end, velocity) of every note, in seconds."""
    from music21.note import NotRest

    for row in score.flatten().stripTies().secondsMap:
        start, seconds = row["offsetSeconds"], row["durationSeconds"]
        if isinstance(row["element"], NotRest) and seconds > 0:
            for pitch in row["element"].pitches:
                yield start, pitch.midi, start + seconds, _LOUDNESS
