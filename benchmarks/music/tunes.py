"""Tunes from a folder or an archive of MIDI or ABC files, and which of them are versions of one another."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seqsearch.arrays import IntArray
from seqsearch.errors import EmptyInputError, InputError, StrPath
from seqsearch.progress import SILENT, Progress
from seqsearch.sequences.readers.midi import Notes, notes_of

from .notation import abc_tunes

_ABC = ".abc"
_ENDINGS = (".mid", ".midi", _ABC)


def read_tunes(path: StrPath, *, inside: str = "", progress: Progress = SILENT) -> dict[str, Notes]:
    """The tunes of a folder, .tar.gz, .tar or .zip by name (without ending), in the order of their files' names.

    A MIDI file holds one tune, an ABC file any number: there the tune's number follows the name of the file.
    `inside`: only files that lie directly in a folder of that name ("" is every file that lies as high as the highest:
    collections often hold the same tunes again, in parts, further down). Raises InputError, ParseError, EmptyInputError
    and MissingExtraError (mido, music21).
    """
    place = Path(path)
    files = {name: content for name, content in _contents(place) if name.lower().endswith(_ENDINGS)}
    if inside:
        files = {name: content for name, content in files.items() if Path(name).parent.name == inside}
    elif files:
        depth = min(name.count("/") for name in files)
        files = {name: content for name, content in files.items() if name.count("/") == depth}
    if not files:
        raise EmptyInputError("there is no MIDI or ABC file in it", path=path)
    tunes: dict[str, Notes] = {}
    with progress.task("reading tunes", len(files)) as task:
        for name in sorted(files):
            for tune, notes in _tunes_of(files[name], f"{place}: {name}", Path(name)):
                if tune in tunes:
                    raise InputError(f"the tune {tune} is there twice: in {name} for the second time", path=path)
                tunes[tune] = notes
            task.advance()
    return {name: notes for name, notes in tunes.items() if len(notes)}


def _tunes_of(content: bytes, name: str, file: Path) -> Iterator[tuple[str, Notes]]:
    if file.suffix.lower() == _ABC:
        yield from abc_tunes(content, name, file.stem)
    else:
        yield file.stem, notes_of(content, name)


def _contents(place: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if place.is_dir():
            for file in sorted(place.rglob("*")):
                if file.is_file():
                    yield file.relative_to(place).as_posix(), file.read_bytes()
        elif zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as archive:
                for name in archive.namelist():
                    yield name, archive.read(name)
        else:
            with tarfile.open(place) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    if stream is not None:
                        yield member.name, stream.read()
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {problem}", path=place) from None


def melody(notes: Notes) -> IntArray:
    """Pitches of the highest note at each beginning: the tune without its chords."""
    starts = np.round(notes.start, 3)
    order = np.lexsort((-notes.pitch, starts))
    first = np.concatenate([[True], np.diff(starts[order]) > 0]) if len(order) else np.zeros(0, np.bool_)
    pitches: IntArray = notes.pitch[order][first]
    return pitches


def tune_families(tunes: list[Notes], *, within: float = 0.2) -> IntArray:
    """(n,) number of the family of each tune; tunes of one family are versions of one another.

    Two are versions when the edit distance of the intervals of their melodies is at most `within` of the longer one;
    families are what such pairs connect. Transposed copies have the same intervals.
    """
    from rapidfuzz.distance import Levenshtein
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    intervals = [np.diff(melody(notes)).tolist() for notes in tunes]
    first, second = [], []
    for i, a in enumerate(intervals):
        for j in range(i + 1, len(intervals)):
            b = intervals[j]
            longest = max(len(a), len(b))
            allowed = int(within * longest)
            if abs(len(a) - len(b)) <= allowed and Levenshtein.distance(a, b, score_cutoff=allowed) <= allowed:
                first.append(i)
                second.append(j)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(tunes), len(tunes)))
    _, numbers = connected_components(links, directed=False)
    families: IntArray = numbers.astype(np.int64)
    return families
