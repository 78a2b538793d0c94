"""Plain text, one sequence a line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from ...errors import ParseError
from .batches import TextBatch, numbered
from .intake import Intake
from .opening import Source
from .options import Options

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of lines; the id of a sequence is the number of its line."""
    stream = source.stream
    done = 0
    while lines := list(itertools.islice(stream, options.size)):
        raw = b"".join(lines)
        if done == 0:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        texts = decoded(raw, source.name, done + 1).split("\n")
        if not texts[-1]:
            texts.pop()  # what follows the last line break, which is no line
        texts = [text.removesuffix("\r") for text in texts]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        numbers = np.arange(done + 1, done + len(texts) + 1)
        first = done + 1
        yield TextBatch(
            numbered(numbers),
            lengths,
            numbers,
            text="".join(texts),
            line_of=lambda row, first=first: first + row,  # type: ignore[misc]  # a default binds the loop
        )
        done += len(texts)


def decoded(raw: bytes, name: str, first_line: int) -> str:
    """`raw` as text. Raises ParseError naming the line, `raw` starting at `first_line`."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + raw[: error.start].count(b"\n")
        raise ParseError(f"byte 0x{raw[error.start]:02x} is not UTF-8 text", path=name, line=line) from None


def decoded_lines(source: Source) -> Iterator[str]:
    """The lines of a text file one by one, line breaks kept, a byte order mark dropped."""
    for number, raw in enumerate(source.stream, start=1):
        yield decoded(raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw, source.name, number)


def first_lines(head: bytes) -> list[bytes]:
    """The lines of the first bytes of a file, from the first that is not blank; at least one."""
    return head.removeprefix(_BYTE_ORDER_MARK).lstrip().split(b"\n")
