"""Sound of notes: rendered with FluidSynth, made worse in known ways, turned into constant-Q spectra by librosa."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from seqsearch.arrays import FloatArray
from seqsearch.errors import InputError, MissingExtraError, SeqsearchError, StrPath
from seqsearch.sequences.readers.midi import HOP, SAMPLE_RATE, Notes

_BEAT, _TICKS = 500_000, 4_800  # microseconds a quarter, ticks a quarter: a tick is 0.1 ms
TOP_DB = 80.0
"""Loudness below the loudest of a recording that counts as silence."""
SOUND_FONTS = ("/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Where Debian's packages timgm6mb-soundfont and fluid-soundfont-gm put theirs."""


def write_midi(notes: Notes, path: StrPath, *, instrument: int = 0, cents: float = 0.0) -> None:
    """Write notes as a MIDI file of one track. `cents`: all of it higher by so much, within 200."""
    try:
        import mido
    except ImportError:
        raise MissingExtraError("mido", "bench") from None
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=_BEAT))
    track.append(mido.Message("program_change", program=instrument))
    track.append(mido.Message("pitchwheel", pitch=round(np.clip(cents / 200, -1, 1) * 8191)))
    ticks = _TICKS * 1e6 / _BEAT
    events = [
        (round(t * ticks), 1, p, round(v)) for t, p, v in zip(notes.start, notes.pitch, notes.velocity, strict=True)
    ]
    events += [(round(t * ticks), 0, p, 0) for t, p in zip(notes.end, notes.pitch, strict=True)]
    now = 0
    for at, on, pitch, velocity in sorted(events):
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, note=int(pitch), velocity=int(velocity), time=int(at - now)))
        now = at
    file.save(os.fspath(path))


def rendered(notes: Notes, sound_font: StrPath, *, instrument: int = 0, cents: float = 0.0) -> FloatArray:
    """(samples,) float32 in -1..1 at `SAMPLE_RATE`, without reverb.

    Raises SeqsearchError where the program fluidsynth is missing or fails, InputError where the SoundFont is.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise SeqsearchError("rendering needs the program fluidsynth: apt-get install fluidsynth")
    if not Path(sound_font).is_file():
        raise InputError("there is no SoundFont", path=sound_font)
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "score.mid", Path(folder) / "sound.wav"
        write_midi(notes, score, instrument=instrument, cents=cents)
        command = [
            program,
            "-niq",
            "-R",
            "0",
            "-C",
            "0",
            "-r",
            str(SAMPLE_RATE),
            "-O",
            "s16",
            "-T",
            "wav",
            "-F",
            str(sound),
            os.fspath(sound_font),
            str(score),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 or not sound.is_file():
            raise SeqsearchError(f"fluidsynth failed with code {done.returncode}: {done.stderr.strip()[-200:]}")
        with wave.open(str(sound)) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    kept = raw[: int(SAMPLE_RATE * (notes.seconds + 0.5))]
    samples: FloatArray = (kept.astype(np.float32).mean(axis=1) / 32768.0).astype(np.float32)
    return samples


def noisy(samples: FloatArray, decibels: float, rng: np.random.Generator) -> FloatArray:
    """White noise added, so many decibels below the mean power of the sound."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) / 10 ** (decibels / 10)
    louder: FloatArray = (samples + np.sqrt(power) * rng.standard_normal(len(samples))).astype(np.float32)
    return louder


def constant_q(samples: FloatArray, *, lowest: int, pitches: int) -> FloatArray:
    """(T, pitches) decibels above the floor, 0..`TOP_DB`, a semitone a bin and `HOP` samples a step.

    abs(cqt) -> power_to_db with top_db 80 against the loudest; the floor is 0 here, so that silence is no direction.
    Raises MissingExtraError (librosa).
    """
    try:
        import librosa
    except ImportError:
        raise MissingExtraError("librosa", "bench") from None
    shortest = 1 << 16  # the lowest filters need so many samples
    if len(samples) < shortest:
        samples = np.pad(samples, (0, shortest - len(samples)))
    transform = librosa.cqt(
        samples, sr=SAMPLE_RATE, hop_length=HOP, fmin=librosa.midi_to_hz(lowest), n_bins=pitches, tuning=0.0
    )
    magnitude = np.abs(transform)
    loud = librosa.power_to_db(magnitude, ref=max(float(magnitude.max()), 1e-10), top_db=TOP_DB)
    above: FloatArray = np.maximum(loud.T + TOP_DB, 0.0).astype(np.float32)
    return above
