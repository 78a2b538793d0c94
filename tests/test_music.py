"""Notes from MIDI, rolls, families of tunes, and performances whose timing is known."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import EmptyInputError, InputError, ParameterError, ParseError, SeqsearchError
from seqsearch.sequences import read
from seqsearch.sequences.folders import read_series
from seqsearch.sequences.readers.midi import PERIOD, Notes, piano_roll
from tests.music_cases import tune

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from music.audio import constant_q, noisy, rendered, write_midi
from music.corruption import CORRUPTIONS, Corruption, corruption_named, excerpt, performed, timing, transposed, without
from music.tunes import melody, read_tunes, tune_families

GENTLE = Corruption(5.0, 0.0, 0.0, ends_chance=0.0, middle_chance=0.0)


def test_a_roll_shows_how_long_and_how_loud() -> None:
    notes = Notes(np.array([36, 48]), np.array([0.0, 0.5]), np.array([1.0, 2.0]), np.array([60.0, 80.0]))
    roll = piano_roll(notes, period=0.5)
    assert roll.shape == (4, 48)
    np.testing.assert_allclose(roll[0, 0], 1.0)
    np.testing.assert_allclose(roll[1, [0, 12]], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(roll[2:, 12], 1.0)
    assert np.count_nonzero(roll) == 5
    assert not piano_roll(notes, period=0.5, steps=6)[4:].any()


def test_notes_outside_the_roll_count_in_the_nearest_octave() -> None:
    notes = Notes(np.array([25, 100]), np.zeros(2), np.ones(2), np.full(2, 64.0))
    assert np.flatnonzero(piano_roll(notes, period=1.0)[0]).tolist() == [1, 40]


def test_midi_files_round_trip(tmp_path: Path) -> None:
    pytest.importorskip("mido", reason="reading MIDI needs the extra music")
    for seed in range(3):
        write_midi(tune(seed), tmp_path / f"t{seed}.mid", cents=20)
    read_back = read_tunes(tmp_path)
    assert list(read_back) == ["t0", "t1", "t2"]
    for seed, notes in enumerate(read_back.values()):
        np.testing.assert_array_equal(notes.pitch, tune(seed).pitch)
        np.testing.assert_allclose(notes.start, tune(seed).start, atol=1e-3)
        np.testing.assert_allclose(notes.end, tune(seed).end, atol=1e-3)
    one = read(tmp_path / "t1.mid")
    assert list(one.ids) == ["t1"]
    np.testing.assert_allclose(one[0].data, piano_roll(read_back["t1"]), atol=1e-6)
    assert list(read_series(tmp_path).ids) == ["t0", "t1", "t2"]


TUNES = """X:3
T:One
M:4/4
L:1/4
Q:1/4=60
K:C
|: C D {e}E2 | F4 :| G4 | A4 |]

X:8
T:Another
L:1/8
K:G
[GB]2 F- F z2 c|
"""


def test_abc_files_are_played(tmp_path: Path) -> None:
    pytest.importorskip("music21", reason="reading ABC needs the extra bench")
    (tmp_path / "book.abc").write_text(TUNES)
    (tmp_path / "single.abc").write_bytes("X:1\nT:Säule\nL:1/4\nK:C\nC|]\n".encode("latin-1"))
    tunes = read_tunes(tmp_path)
    assert list(tunes) == ["book-3", "book-8", "single"]
    one = tunes["book-3"]  # twice, a quarter a second, without the grace note
    assert one.pitch.tolist() == [60, 62, 64, 65] * 2 + [67, 69]
    np.testing.assert_allclose(one.start, [0, 1, 2, 4, 8, 9, 10, 12, 16, 20])
    np.testing.assert_allclose(one.end, [1, 2, 4, 8, 9, 10, 12, 16, 20, 24])
    other = tunes["book-8"]  # two at once, a tie, a rest, F sharp by the key
    assert other.pitch.tolist() == [67, 71, 66, 72]
    np.testing.assert_allclose(other.start, [0, 0, 0.5, 1.5])
    np.testing.assert_allclose(other.end, [0.5, 0.5, 1.0, 1.75])


@pytest.mark.parametrize(
    ("written", "played"),
    [
        ("A|B|C:|D|E:|F|G:|", "ABCABCDEDEFGFG"),  # repeats begin where the last one ended, though nothing says so
        ("|:A|B|C:|:D|E:|", "ABCABCDEDE"),
        ("A|B|C:|D|E|]", "ABCABCDE"),
        ("|:A|[1B|C:|[2 D|E|]", "ABCADE"),
    ],
)
def test_abc_repeats(written: str, played: str, tmp_path: Path) -> None:
    pytest.importorskip("music21", reason="reading ABC needs the extra bench")
    (tmp_path / "t.abc").write_text(f"X:1\nM:1/4\nL:1/4\nK:C\n{written}\n")
    notes = read_tunes(tmp_path)["t"]
    assert "".join("C D EF G A B"[pitch % 12] for pitch in notes.pitch) == played
    np.testing.assert_allclose(notes.start, 0.5 * np.arange(len(played)))


def test_abc_files_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("music21", reason="reading ABC needs the extra bench")
    (tmp_path / "t.abc").write_text("X:1\nL:1/0\nK:C\nC|\n")
    with pytest.raises(ParseError, match=r"t\.abc: the tune X:1 is not readable"):
        read_tunes(tmp_path)
    (tmp_path / "t.abc").write_text("C D E\n")
    with pytest.raises(ParseError, match=r"t\.abc: no ABC notation: no line begins with X:"):
        read_tunes(tmp_path)
    (tmp_path / "t.abc").write_text(TUNES.replace("X:8", "X:3"))
    assert list(read_tunes(tmp_path)) == ["t-1", "t-2"]
    (tmp_path / "t-1.abc").write_text("X:1\nL:1/4\nK:C\nC|\n")
    with pytest.raises(InputError, match="the tune t-1 is there twice"):
        read_tunes(tmp_path)


def test_archives_and_their_highest_folder(tmp_path: Path) -> None:
    pytest.importorskip("mido", reason="reading MIDI needs the extra music")
    write_midi(tune(0), tmp_path / "a.mid")
    content = (tmp_path / "a.mid").read_bytes()
    with tarfile.open(tmp_path / "tunes.tar.gz", "w:gz") as archive:
        for name in ("tunes/a.mid", "tunes/b.mid", "tunes/melody/a.mid"):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert list(read_tunes(tmp_path / "tunes.tar.gz")) == ["a", "b"]
    assert list(read_tunes(tmp_path / "tunes.tar.gz", inside="melody")) == ["a"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyInputError, match="empty: there is no MIDI or ABC file in it"):
        read_tunes(tmp_path / "empty")


def test_what_is_no_midi(tmp_path: Path) -> None:
    pytest.importorskip("mido", reason="reading MIDI needs the extra music")
    place = tmp_path / "a.mid"
    for content in (b"MThd", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\x20\0\x90", b"nothing of the kind"):
        place.write_bytes(content)
        with pytest.raises(ParseError, match=r"a\.mid: not a readable MIDI file: \w"):
            read(place)


def test_families_hold_versions_and_transpositions() -> None:
    first, second = tune(1), tune(2)
    changed = Notes(first.pitch.copy(), first.start, first.end, first.velocity)
    changed.pitch[10] += 1
    found = tune_families([first, second, transposed(first, 3), changed])
    assert found[0] == found[2] == found[3] != found[1]
    chord = Notes(np.array([50, 70, 60]), np.zeros(3), np.ones(3), np.ones(3))
    assert melody(chord).tolist() == [70]


def test_the_known_timing_leads_back_to_the_score() -> None:
    notes = tune(3, 120)
    for seed in range(5):
        played = performed(notes, GENTLE, np.random.default_rng(seed))
        assert len(played.notes) == len(notes)
        assert (np.diff(played.moments) > 0).all()
        np.testing.assert_allclose(played.score_times(played.notes.start), notes.start, atol=1e-6)
        assert 0.89 < played.moments[-1] / notes.seconds < 1.11


def test_corruption_removes_cuts_and_bends() -> None:
    notes = tune(4, 200)
    easy, hard = (performed(notes, corruption_named(n), np.random.default_rng(0)) for n in ("easy", "hard"))
    assert 0.3 * len(notes) < len(hard.notes) < 0.65 * len(notes) < len(easy.notes) < len(notes)
    part = excerpt(easy, 20.0, np.random.default_rng(1))
    assert part.notes.seconds <= 20.0 + 1e-6
    back = part.score_times(part.notes.start)
    for pitch, at in zip(part.notes.pitch.tolist(), back.tolist(), strict=True):
        near = (notes.pitch == pitch) & (notes.start <= at + 1e-3) & (notes.end >= at - 1e-3)
        assert near.any(), "every note of the excerpt sounds in the score at the time it is said to"
    assert without(easy, 0.0, 1e9) is None
    assert np.std(timing(200.0, 20.0, np.random.default_rng(0))) > 0
    assert CORRUPTIONS["hard"].removed == 0.5
    with pytest.raises(ParameterError, match="no corruption 'odd': choose one of easy, hard"):
        corruption_named("odd")


def test_rendered_notes_sound_where_the_roll_says(tmp_path: Path) -> None:
    pytest.importorskip("librosa", reason="spectra need the extra bench")
    pytest.importorskip("mido", reason="rendering needs the extra music")
    from music.audio import SOUND_FONTS

    if not Path(SOUND_FONTS[0]).is_file():
        pytest.skip("there is no SoundFont on this machine")
    notes = tune(5, 12)
    try:
        samples = rendered(notes, SOUND_FONTS[0])
    except SeqsearchError as error:
        pytest.skip(str(error))
    spectrum = constant_q(noisy(samples, 40, np.random.default_rng(0)), lowest=36, pitches=48)
    middle = ((notes.start + notes.end) / 2 / PERIOD).astype(int)
    loudest = spectrum[middle].argmax(axis=1) + 36
    assert (loudest == notes.pitch).mean() > 0.8
