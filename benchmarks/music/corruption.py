"""Performances that differ from their score in known ways: time, notes, loudness, cuts (Raffel 2016, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqsearch.arrays import DoubleArray
from seqsearch.errors import ParameterError
from seqsearch.sequences.readers.midi import Notes


@dataclass(frozen=True)
class Corruption:
    """How much is changed.

    `warp`: deviation of the timing, in seconds per sample of its spectrum as the source has it; `removed`: share of
    notes taken away; `loudness`: deviation of the factor on velocities; `ends`, `middle`: shares cut from both ends
    and from the middle, with chances `ends_chance` (each end) and `middle_chance`; `tempo`: the least and greatest
    factor on time.
    """

    warp: float
    removed: float
    loudness: float
    ends: float = 0.1
    ends_chance: float = 0.5
    middle: float = 0.01
    middle_chance: float = 0.1
    tempo: tuple[float, float] = (0.9, 1.1)


CORRUPTIONS = {"easy": Corruption(5.0, 0.1, 0.2), "hard": Corruption(20.0, 0.5, 1.0)}
_SOURCE_SECONDS = 240.0
"""The length of song for which the source chose its deviations; the warp of a shorter one is scaled down to it."""
_GRID = 0.1  # seconds between the points on which a warp is given


def corruption_named(name: str) -> Corruption:
    """ "easy" or "hard". Raises ParameterError."""
    if name not in CORRUPTIONS:
        raise ParameterError(f"no corruption {name!r}: choose one of {', '.join(CORRUPTIONS)}")
    return CORRUPTIONS[name]


@dataclass(frozen=True)
class Performance:
    """The changed `notes`, and when in the score each moment of them lies: at times `moments` it is at `score`."""

    notes: Notes
    moments: DoubleArray
    score: DoubleArray

    def score_times(self, times: DoubleArray) -> DoubleArray:
        """Seconds in the score at seconds in the performance."""
        return np.interp(times, self.moments, self.score)


def performed(notes: Notes, how: Corruption, rng: np.random.Generator) -> Performance:
    """A corrupted performance of a score."""
    played = _warped(notes, how, rng)
    kept = rng.random(len(notes)) >= how.removed
    if not kept.any():
        kept[rng.integers(len(notes))] = True
    louder = played.notes.velocity * np.abs(1 + how.loudness * rng.standard_normal(len(notes)))
    changed = Notes(played.notes.pitch, played.notes.start, played.notes.end, np.clip(louder, 1, 127)).take(kept)
    return _cut(Performance(changed, played.moments, played.score), how, rng)


def timing(seconds: float, deviation: float, rng: np.random.Generator) -> DoubleArray:
    """(N,) smooth deviations of the time, in seconds, every `_GRID` seconds.

    irfft(N deviation randn(N) exp(-k))[:N], k = 0, 1, ...: only the slowest waves count. The source's deviations are
    for songs; here they are scaled with the length, so that the share of the time that is bent stays the same.
    """
    count = max(4, int(np.ceil(seconds / _GRID)) + 1)
    scaled = deviation * min(1.0, seconds / _SOURCE_SECONDS)
    spectrum = count * scaled * rng.standard_normal(count) * np.exp(-np.arange(count))
    bent: DoubleArray = np.fft.irfft(spectrum)[:count]
    return bent


def _warped(notes: Notes, how: Corruption, rng: np.random.Generator) -> Performance:
    """Bent and scaled time; it never stands still or runs back."""
    seconds = notes.seconds
    bent = timing(seconds, how.warp, rng)
    score = np.linspace(0.0, seconds, len(bent))
    least = 0.2 * (score[1] - score[0])
    steps = np.maximum(np.diff(score + bent), least)
    moments = np.concatenate([[0.0], np.cumsum(steps)])
    # the tempo of the whole is drawn by itself: bending alone would make some tunes much longer
    moments *= rng.uniform(*how.tempo) * seconds / moments[-1]
    start, end = (np.interp(times, score, moments) for times in (notes.start, notes.end))
    return Performance(Notes(notes.pitch, start, np.maximum(end, start + 1e-3), notes.velocity), moments, score)


def _cut(whole: Performance, how: Corruption, rng: np.random.Generator) -> Performance:
    """Take off the ends and a piece of the middle, each by chance; never everything."""
    seconds = float(whole.moments[-1])
    pieces = []
    if rng.random() < how.ends_chance:
        pieces.append((0.0, how.ends * seconds))
    if rng.random() < how.middle_chance:
        at = rng.uniform(how.ends, 1 - how.ends - how.middle) * seconds
        pieces.append((at, at + how.middle * seconds))
    if rng.random() < how.ends_chance:
        pieces.append(((1 - how.ends) * seconds, seconds))
    for start, end in reversed(pieces):
        whole = without(whole, start, end) or whole
    return whole


def without(whole: Performance, start: float, end: float) -> Performance | None:
    """The performance without the seconds from `start` to `end`; None when no note would be left."""
    notes = whole.notes

    def moved(times: DoubleArray) -> DoubleArray:
        return np.where(times <= start, times, np.maximum(times - (end - start), start))

    begins, ends = moved(notes.start), moved(notes.end)
    kept = ends > begins + 1e-9
    if not kept.any():
        return None
    around = np.interp([start, end], whole.moments, whole.score)
    before, after = whole.moments < start, whole.moments > end
    # the score jumps at the cut; where the cut is the beginning there is nothing to jump from
    cut, jump = ([start, start + 1e-9], around) if start > 0 else ([start], around[1:])
    moments = np.concatenate([whole.moments[before], cut, moved(whole.moments[after])])
    score = np.concatenate([whole.score[before], jump, whole.score[after]])
    return Performance(Notes(notes.pitch, begins, ends, notes.velocity).take(kept), moments, score)


def excerpt(whole: Performance, seconds: float, rng: np.random.Generator) -> Performance:
    """A random stretch of that many seconds; the whole when it is shorter or nothing sounds in the stretch."""
    total = float(whole.moments[-1])
    if total <= seconds:
        return whole
    start = rng.uniform(0, total - seconds)
    later = without(whole, start + seconds, total)
    found = None if later is None else without(later, 0.0, start)
    return whole if found is None else found


def transposed(notes: Notes, semitones: int) -> Notes:
    """Every note so many semitones higher."""
    return Notes(np.clip(notes.pitch + semitones, 0, 127), notes.start, notes.end, notes.velocity)
