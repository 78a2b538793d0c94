"""Standard MIDI files: their notes, and the piano roll that makes a series of them.

The roll has one row per `PERIOD` seconds and one column per semitone from MIDI note 36 on: the grid on which a
constant-Q transform of audio with the same hop and lowest note lies, so that the two can be compared.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ...errors import MissingExtraError, ParseError, SeriesError
from ..strings import Strings
from .batches import SeriesBatch
from .intake import Intake
from .opening import Source
from .options import Options

if TYPE_CHECKING:
    import mido

SAMPLE_RATE, HOP = 22_050, 2_048
PERIOD = HOP / SAMPLE_RATE
"""Seconds from one step of a roll to the next: 92.9 ms."""
LOWEST, PITCHES = 36, 48
_DRUMS = 9


@dataclass(frozen=True)
class Notes:
    """n notes in the order they begin.

    `pitch`: (n,) MIDI numbers; `start`, `end`: (n,) seconds; `velocity`: (n,) 0..127.
    """

    pitch: IntArray
    start: DoubleArray
    end: DoubleArray
    velocity: DoubleArray

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def seconds(self) -> float:
        """When the last note ends."""
        return float(self.end.max(initial=0.0))

    def take(self, rows: AnyArray) -> Notes:
        """The notes of `rows`, an index or a mask, sorted by their beginning."""
        chosen = np.arange(len(self))[rows]
        order = chosen[np.lexsort((self.pitch[chosen], self.start[chosen]))]
        return Notes(self.pitch[order], self.start[order], self.end[order], self.velocity[order])


def notes_of(content: bytes, name: str) -> Notes:
    """The notes of a MIDI file, all tracks but drums. Raises ParseError and MissingExtraError (mido)."""
    try:
        import mido
    except ImportError:
        raise MissingExtraError("mido", "music") from None
    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
        messages = list(file)  # all tracks together, `time` in seconds since the one before
    except (OSError, ValueError, EOFError, IndexError, KeyError, mido.KeySignatureError) as error:
        raise ParseError(f"not a readable MIDI file: {str(error) or type(error).__name__}", path=name) from None
    found = sorted(_notes(messages))
    table = np.array(found, np.float64).reshape(-1, 4)
    return Notes(table[:, 1].astype(np.int64), table[:, 0], table[:, 2], table[:, 3])


def _notes(messages: list[mido.Message]) -> Iterator[tuple[float, int, float, float]]:
    """(start, pitch, end, velocity) of every note. One struck again ends; one never ended ends with the file."""
    now = 0.0
    sounding: dict[tuple[int, int], tuple[float, float]] = {}
    for message in messages:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
            continue
        key = message.channel, message.note
        if key in sounding:
            start, velocity = sounding.pop(key)
            if now > start:
                yield start, key[1], now, velocity
        if message.type == "note_on" and message.velocity > 0:
            sounding[key] = now, float(message.velocity)
    for (_, pitch), (start, velocity) in sounding.items():
        if now > start:
            yield start, pitch, now, velocity


def piano_roll(
    notes: Notes, *, period: float = PERIOD, lowest: int = LOWEST, pitches: int = PITCHES, steps: int | None = None
) -> FloatArray:
    """(T, pitches) float32: how long and how loud each semitone sounds in each step, every row of length 1 or 0.

    A note outside the semitones counts in the nearest octave inside. `steps`: T; None lasts as long as the notes.
    """
    count = max(1, int(np.ceil(notes.seconds / period))) if steps is None else steps
    roll = np.zeros((count, pitches))
    inside = lowest + (notes.pitch - lowest) % 12 + 12 * np.clip((notes.pitch - lowest) // 12, 0, pitches // 12 - 1)
    places = zip((inside - lowest).tolist(), notes.start / period, notes.end / period, notes.velocity, strict=True)
    for pitch, start, end, velocity in places:
        first, last = max(0, int(start)), min(count, int(np.ceil(end)))
        steps_there = np.arange(first, last)
        share = np.minimum(end, steps_there + 1) - np.maximum(start, steps_there)
        roll[first:last, pitch] += np.clip(share, 0.0, 1.0) * velocity
    lengths = np.linalg.norm(roll, axis=1, keepdims=True)
    unit: FloatArray = (roll / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


def read_midi(source: Source, options: Options, intake: Intake) -> Iterator[SeriesBatch]:
    """One batch of one series: the piano roll of the file, named after it."""
    notes = notes_of(source.stream.read(), source.name)
    if not len(notes):
        intake.report.records += 1
        intake.reject(SeriesError("the file holds no note", path=source.name, record=1))
        return
    roll = piano_roll(notes)
    name = source.path.stem if source.path is not None else "1"
    yield SeriesBatch(Strings.of([name]), np.array([len(roll)]), np.array([1]), data=roll)


def is_midi(head: bytes) -> bool:
    """Whether the bytes begin as a standard MIDI file does."""
    return head.startswith(b"MThd")
