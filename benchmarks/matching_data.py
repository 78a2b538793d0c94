"""The music of `matching.py`: tunes, their corrupted performances as rolls or as sound, aligned pairs, decoys.

Features are kept twelve semitones wider than they are used, so that a transposed copy is another window of the same
table. Sound is rendered once and cached, a file a tune and side: an interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from music.audio import constant_q, noisy, rendered
from music.corruption import Performance, corruption_named, excerpt, performed
from music.tunes import read_tunes, tune_families

from seqsearch.arrays import FloatArray, IntArray
from seqsearch.cli.progress import progress_for
from seqsearch.files import atomic_write
from seqsearch.sequences import Sequences
from seqsearch.sequences.readers.midi import LOWEST, PERIOD, PITCHES, Notes, piano_roll

REACH = 6  # semitones that a copy may be transposed
WIDE_LOWEST, WIDE = LOWEST - REACH, PITCHES + 2 * REACH
LONGEST = 120.0  # seconds of a score at most
EXCERPT = 30.0
INSTRUMENTS = (0, 21, 24, 40, 46, 68, 73, 105)
"""General MIDI: piano, accordion, guitar, violin, harp, oboe, flute, banjo."""


@dataclass(frozen=True)
class Pair:
    """One tune: its score and one performance of it, wide and not normalised, and the score's step at each step of
    the performance.
    """

    name: str
    score: FloatArray
    played: FloatArray
    at: IntArray


@dataclass(frozen=True)
class Tunes:
    """Names, notes and families, and which tunes train, develop and test: whole families each."""

    names: list[str]
    notes: list[Notes]
    families: IntArray
    train: IntArray
    develop: IntArray
    test: IntArray


def tunes_of(data: str, count: int | None, seed: int) -> Tunes:
    """A fifth of the tunes to test, a tenth to develop with; `count`: only so many tunes."""
    read = {name: shortened(notes) for name, notes in read_tunes(data, progress=progress_for()).items()}
    rng = np.random.default_rng(seed)
    names = sorted(read)
    if count is not None:
        names = sorted(rng.permutation(names)[:count].tolist())
    notes = [read[name] for name in names]
    families = tune_families(notes)
    order = rng.permutation(np.unique(families))
    ends = [int(share * len(order)) for share in (0.2, 0.3)]
    parts = [np.flatnonzero(np.isin(families, some)) for some in np.split(order, ends)]
    return Tunes(names, notes, families, train=parts[2], develop=parts[1], test=parts[0])


def shortened(notes: Notes) -> Notes:
    return notes.take(notes.end <= LONGEST) if notes.seconds > LONGEST else notes


def pair_of(tunes: Tunes, row: int, tier: str, level: str, options: Any, version: int = 0) -> Pair:
    """The score and a performance of one tune. `tier`: "symbolic", "audio", or "cross" (roll against sound)."""
    notes, name = tunes.notes[row], tunes.names[row]
    rng = np.random.default_rng([options.seed, row, version, ("easy", "hard").index(level)])
    whole = excerpt(performed(notes, corruption_named(level), rng), EXCERPT, rng)
    if tier == "symbolic":
        played = piano_roll(whole.notes, lowest=WIDE_LOWEST, pitches=WIDE)
    else:
        played = sound(f"{name}-{level}-{version}", options, lambda: heard(whole, options.fonts[1], rng))
    if tier == "audio":
        score = sound(f"{name}-score", options, lambda: spectrum(rendered(notes, options.fonts[0])))
    else:
        score = piano_roll(notes, lowest=WIDE_LOWEST, pitches=WIDE)
    return Pair(name, score, played, steps_of(whole, len(played), len(score)))


def heard(whole: Performance, font: str, rng: np.random.Generator) -> FloatArray:
    """Another SoundFont and instrument, out of tune by up to 30 cents, with noise 10 to 30 decibels below."""
    instrument = int(rng.choice(INSTRUMENTS))
    samples = rendered(whole.notes, font, instrument=instrument, cents=float(rng.uniform(-30, 30)))
    return spectrum(noisy(samples, float(rng.uniform(10, 30)), rng))


def spectrum(samples: FloatArray) -> FloatArray:
    return constant_q(samples, lowest=WIDE_LOWEST, pitches=WIDE)


def sound(name: str, options: Any, make: Any) -> FloatArray:
    """A spectrum from the cache, or made and put there."""
    told = f"{name} {options.seed} {options.fonts} {WIDE_LOWEST} {WIDE} {LONGEST} {EXCERPT}"
    place = Path(options.cache) / f"{name}-{hashlib.blake2b(told.encode(), digest_size=6).hexdigest()}.npy"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(place) as file:
            np.save(file, make().astype(np.float16))
    return np.load(place).astype(np.float32)


def steps_of(whole: Performance, played: int, score: int) -> IntArray:
    """The step of the score that sounds at each step of the performance, from the known timing."""
    times = whole.score_times((np.arange(played) + 0.5) * PERIOD)
    return np.clip((times / PERIOD).astype(np.int64), 0, score - 1)


def window(wide: FloatArray, shift: int = 0) -> FloatArray:
    """(T, 48) rows of length 1 (or 0): the usual semitones of a copy transposed up by `shift`."""
    part = wide[:, REACH - shift : REACH - shift + PITCHES].astype(np.float64)
    lengths = np.linalg.norm(part, axis=1, keepdims=True)
    return (part / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


def training_pairs(tunes: Tunes, rows: IntArray, tier: str, options: Any) -> tuple[Any, Any, Any, Any, IntArray]:
    """Aligned scores and performances, whole scores and performances, and their families.

    `options.versions` performances of each tune, easy and hard by turns, each transposed by a random interval.
    """
    rng = np.random.default_rng(options.seed)
    aligned, whole, played, groups = [], [], [], []
    versions = options.versions if tier == "symbolic" else min(options.versions, options.renders)
    for version in range(options.versions):
        for row in rows.tolist():
            made = version % versions
            pair = pair_of(
                tunes, row, tier, ("hard", "easy")[made % 2], options, made + 1 if tier == "symbolic" else made
            )
            shift = int(rng.integers(-REACH, REACH + 1)) if version else 0
            score = window(pair.score, shift)
            aligned.append(score[pair.at])
            whole.append(score)
            played.append(window(pair.played, shift))
            groups.append(int(tunes.families[row]))
    sets = (Sequences.from_arrays(part, layout="ntf") for part in (aligned, played, whole))
    first, second, third = sets
    return first, second, third, second, np.array(groups)


def database_of(pairs: list[Pair], decoys: int) -> Sequences:
    """Every performance as it is, then `decoys` transposed copies of each: row i is the performance of pair i."""
    shifts = [shift for step in range(1, REACH + 1) for shift in (step, -step)][:decoys]
    arrays = [window(pair.played) for pair in pairs]
    names = [pair.name for pair in pairs]
    for shift in shifts:
        arrays += [window(pair.played, shift) for pair in pairs]
        names += [f"{pair.name}{shift:+d}" for pair in pairs]
    return Sequences.from_arrays(arrays, ids=names, layout="ntf")


def queries_of(pairs: list[Pair], rows: IntArray) -> Sequences:
    names = [pairs[row].name for row in rows]
    return Sequences.from_arrays([window(pairs[row].score) for row in rows], ids=names, layout="ntf")
