"""Labels that stand elsewhere than in a column: in a table beside the sequences, or somewhere in their headers."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Self

from xopen import xopen

from ...errors import InputError, ParameterError, ParseError, StrPath
from ..strings import Strings


@dataclass
class Labelling:
    """Who gives a record its label: `table`, by its id, or else `pattern`, found in its header; `ranks` of it are kept.

    `source` names the table in errors; `first` is the first record that got no label.
    """

    table: dict[str, str] | None = None
    pattern: re.Pattern[str] | None = None
    ranks: int | None = None
    source: str = ""
    first: str = field(default="", init=False)

    @classmethod
    def of(cls, label_file: StrPath | None, label_from: str | None, ranks: int | None) -> Self | None:
        """None where nothing is asked for.

        Raises ParameterError for arguments that cannot be, InputError and ParseError for a table that cannot be read.
        """
        if label_file is None and label_from is None and ranks is None:
            return None
        if label_file is not None and label_from is not None:
            raise ParameterError("label_file and label_from exclude each other")
        if ranks is not None and (type(ranks) is not int or ranks < 1):
            raise ParameterError(f"label_ranks is a number of ranks, at least 1, not {ranks!r}")
        try:
            pattern = None if label_from is None else re.compile(label_from)
        except re.error as error:
            raise ParameterError(f"label_from={label_from!r} is no regular expression: {error}") from None
        table = None if label_file is None else _table(label_file)
        return cls(table, pattern, ranks, "" if label_file is None else os.fspath(label_file))

    def labels_of(
        self, ids: Strings, descriptions: Strings | None, labels: Strings | None
    ) -> tuple[Strings | None, int]:
        """The labels of records, "" where there is none, and how many have none; `labels`: those that a column has."""
        given = self._given(ids, descriptions, labels)
        if given is None:
            return None, len(ids)
        if self.ranks is not None:
            given = [_cut(label, self.ranks) for label in given]
        missing = [row for row, label in enumerate(given) if not label]
        if missing and not self.first:
            told = "" if descriptions is None else descriptions[missing[0]]
            self.first = f"{ids[missing[0]]} {told}".strip()
        return Strings.of(given), len(missing)

    def _given(self, ids: Strings, descriptions: Strings | None, labels: Strings | None) -> list[str] | None:
        if self.table is not None:
            return [self.table.get(record_id, "") for record_id in ids]
        if self.pattern is None:
            return None if labels is None else list(labels)
        headers = list(ids) if descriptions is None else list(map(" ".join, zip(ids, descriptions, strict=True)))
        return [_found(self.pattern.search(header)) for header in headers]

    def require_some(self, records: int, unlabelled: int) -> None:
        """Raise ParameterError where no record at all got a label."""
        if unlabelled < records or not records:
            return
        if self.table is not None:
            raise ParameterError(f"{self.source} has a label for none of the {records:,} ids, such as {self.first!r}")
        if self.pattern is None:
            raise ParameterError("label_ranks cuts labels, and there are none")
        where = f"in none of the {records:,} headers, such as {self.first!r}"
        raise ParameterError(f"label_from={self.pattern.pattern!r} is found {where}")


def _found(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    return ((match.group(1) if match.re.groups else match.group()) or "").strip()


def _cut(label: str, ranks: int) -> str:
    return ";".join(part.strip() for part in label.split(";")[:ranks]).rstrip(";")


def _table(path: StrPath) -> dict[str, str]:
    """Ids and labels: the first two of the fields of each line, between tabs. A head line is an id that nobody has."""
    name, table = os.fspath(path), {}
    try:
        with xopen(path, encoding="utf-8", threads=0) as file:
            for number, line in enumerate(file, start=1):
                if not line.strip() or line.startswith("#"):
                    continue
                record_id, tab, rest = line.rstrip("\r\n").partition("\t")
                if not tab:
                    raise ParseError("a line has an id, a tab and a label", path=name, line=number)
                table[record_id.strip()] = rest.partition("\t")[0].strip()
    except UnicodeDecodeError:
        raise ParseError("this is no UTF-8 text", path=name) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), path=name) from error
    return table
