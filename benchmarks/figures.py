"""Every figure of the pages: how it is made, and whether it is still what the pages say.

    python benchmarks/figures.py --dry-run                  # the list, with minutes
    python benchmarks/figures.py --check                    # the pages beside the rows that are kept; measures nothing
    python benchmarks/figures.py --only equality,consensus --data FOLDER
    python benchmarks/figures.py --data FOLDER              # all of them: hours, on a machine that does nothing else

The table is benchmarks/figures.toml: a figure has a command, which writes rows of its own into --output, the file of
`results/` that keeps such rows, how rows are told apart (`key`), the fields that are compared and by how much they may
differ (`fields`: a share, of recalls and counts a number written as "+.005"), and places that say one of its numbers
(`says`: a page, a pattern whose group is the number, the row that has it). New rows are compared with kept ones and
with what the pages say; what differs by more than it may is listed. Exit code 1 where something does, else 0; a figure
whose data or programs are missing is skipped, and said. `--keep` puts the new rows in place of the kept ones.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"
TABLE = HERE / "figures.toml"
Row = dict[str, Any]


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from another: a `share` of it, or a number (`whole`)."""

    amount: float
    whole: bool = False

    @classmethod
    def of(cls, given: float | str) -> Tolerance:
        """From the table: .1 is a share, "+.005" a number."""
        return cls(float(given), True) if isinstance(given, str) else cls(float(given))

    def allows(self, before: float, after: float) -> bool:
        return abs(after - before) <= (self.amount if self.whole else self.amount * abs(before)) + 1e-12

    def __str__(self) -> str:
        return f"{self.amount:g}" if self.whole else f"{self.amount:.0%}"


@dataclass(frozen=True)
class Saying:
    """A number on a `page`: where it stands, and the row and field that it is of.

    `at_recall`: the field where this recall is reached, between budgets; `factor`: the row's number times this is the
    page's; `kept` is false where no row of it is kept.
    """

    page: str
    text: str
    field: str
    where: Row
    within: Tolerance
    at_recall: float | None = None
    factor: float = 1.0
    kept: bool = True

    def said(self) -> float:
        """The number on the page. Raises LookupError where the pattern is not there exactly once."""
        found = re.findall(self.text, (ROOT / self.page).read_text(encoding="utf-8"))
        if len(found) != 1:
            raise LookupError(f"{self.page}: {self.text!r} is there {len(found)} times")
        return float(found[0].replace(",", ""))

    def measured(self, rows: Iterable[Row]) -> float | None:
        """The number in rows; None where they do not have it."""
        chosen = [row for row in rows if all(row.get(name) == value for name, value in self.where.items())]
        if self.at_recall is not None:
            from harness.growth import at_recall

            value = at_recall(chosen, self.at_recall, self.field)
        else:
            values = [row[self.field] for row in chosen if row.get(self.field) is not None]
            value = values[0] if values else None
        return None if value is None else self.factor * float(value)


@dataclass(frozen=True)
class Figure:
    """One entry of the table."""

    name: str
    command: str
    minutes: float
    pages: tuple[str, ...]
    rows: str | None = None
    key: tuple[str, ...] = ()
    fields: dict[str, Tolerance] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    says: tuple[Saying, ...] = ()

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Figure:
        """From the table. Raises TypeError for a name that is none of its fields."""
        given = dict(entry)
        tolerances = {name: Tolerance.of(value) for name, value in given.pop("fields", {}).items()}
        says = []
        for one in given.pop("says", ()):
            name = one["field"]
            within = Tolerance.of(one["within"]) if "within" in one else tolerances[name]
            says.append(Saying(**{"where": {}} | one | {"within": within}))
        lists = {name: tuple(given.pop(name)) for name in ("pages", "key", "needs", "pictures") if name in given}
        return cls(**given, **lists, fields=tolerances, says=tuple(says))

    def kept(self) -> list[Row]:
        """The rows in `results/`; none where there is no such file."""
        return read(RESULTS / self.rows) if self.rows is not None else []

    def lacks(self, data: Path | None, work: Path) -> list[str]:
        """What of its needs is not here."""
        return [need for need in self.needs if not there(need, data, work)]


def figures() -> list[Figure]:
    """The table."""
    return [Figure.of(entry) for entry in tomllib.loads(TABLE.read_text(encoding="utf-8"))["figure"]]


def there(need: str, data: Path | None, work: Path) -> bool:
    """Whether a need is met: "data:PATH" below --data, "work:PATH" below --work, "module:NAME", or a program."""
    kind, _, name = need.rpartition(":")
    if kind in ("data", "work"):
        folder = data if kind == "data" else work
        return folder is not None and (folder / name).exists()
    return find_spec(name) is not None if kind == "module" else shutil.which(name) is not None


def read(path: Path) -> list[Row]:
    """Rows of a file of JSON lines; none of a file that is not there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


def differences(figure: Figure, new: list[Row]) -> Iterator[tuple[bool, str]]:
    """Each number that is compared: whether it differs by more than it may, and a line about it."""
    before = {tuple(row.get(name) for name in figure.key): row for row in figure.kept()} if figure.key else {}
    for row in new:
        key = tuple(row.get(name) for name in figure.key)
        old = before.get(key)
        if old is None:
            continue
        for name, within in figure.fields.items():
            if isinstance(old.get(name), int | float) and isinstance(row.get(name), int | float):
                odd = not within.allows(old[name], row[name])
                shown = ", ".join(str(part) for part in key if part is not None)
                yield odd, f"{shown}: {name} {old[name]:g} kept, {row[name]:g} now (may differ by {within})"
    yield from sayings(figure, new)


def sayings(figure: Figure, rows: list[Row]) -> Iterator[tuple[bool, str]]:
    """What pages say of a figure beside rows: each number, as `differences`."""
    for one in figure.says:
        said, measured = one.said(), one.measured(rows)
        if measured is not None:
            odd = not one.within.allows(said, measured)
            yield odd, f"{one.page}: says {said:g}, {measured:g} measured (may differ by {one.within})"


def check(chosen: list[Figure]) -> int:
    """The pages against the rows that are kept; how many differ."""
    odd = 0
    for figure in chosen:
        rows = figure.kept()
        for one in figure.says:
            try:
                said = one.said()
            except LookupError as error:
                odd += 1
                print(f"{figure.name}: {error}")
                continue
            measured = one.measured(rows) if one.kept else None
            if one.kept and measured is None:
                odd += 1
                print(f"{figure.name}: {one.page}: says {said:g}, of which no row is kept: {one.where}")
            elif measured is not None and not one.within.allows(said, measured):
                odd += 1
                print(f"{figure.name}: {one.page}: says {said:g}, the rows {measured:g} (may differ by {one.within})")
    return odd


def run(figure: Figure, options: argparse.Namespace) -> int:
    """Make one figure anew and compare; how many numbers differ by more than they may."""
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / f"{figure.name}.jsonl"
    target.unlink(missing_ok=True)
    places = {"rows": target, "data": options.data, "work": options.work, "out": options.output}
    command = figure.command.format(**{name: shlex.quote(str(path)) for name, path in places.items()})
    print(f"{figure.name}: python benchmarks/{command}", flush=True)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *shlex.split(command)], cwd=HERE, stdout=subprocess.DEVNULL, text=True)
    if done.returncode:
        print(f"{figure.name}: ended with exit code {done.returncode}")
        return 1
    new = read(target)
    told = list(differences(figure, new))
    wrong = [line for odd, line in told if odd]
    for line in wrong:
        print(f"{figure.name}: differs: {line}")
    minutes = (time.perf_counter() - start) / 60
    print(f"{figure.name}: {len(new)} rows in {minutes:.1f} min; {len(told)} numbers compared, {len(wrong)} differ")
    if options.keep and figure.rows is not None:
        keep(figure, new)
    return len(wrong)


def keep(figure: Figure, new: list[Row]) -> None:
    """Put new rows in the place of those of the same key, and others behind them."""
    rows = {tuple(row.get(name) for name in figure.key) or number: row for number, row in enumerate(figure.kept())}
    rows |= {tuple(row.get(name) for name in figure.key) or -1 - number: row for number, row in enumerate(new)}
    path = RESULTS / str(figure.rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.values()), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", help="names of figures, with commas between")
    parser.add_argument("--dry-run", action="store_true", help="list them")
    parser.add_argument("--check", action="store_true", help="compare the pages with the rows that are kept")
    parser.add_argument("--keep", action="store_true", help="put new rows in place of the kept ones")
    parser.add_argument("--data", type=Path, help="folder with tagging/, ecg/, text/, music/ (benchmarks/README.md)")
    parser.add_argument("--work", type=Path, default=HERE / "cache", help="keeps tasks and built indexes")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "figures", help="where new rows go")
    options = parser.parse_args()
    options.output, options.work = options.output.resolve(), options.work.resolve()
    options.data = options.data.resolve() if options.data else None
    every = figures()
    names = [one.name for one in every]
    wanted = options.only.split(",") if options.only else names
    if set(wanted) - set(names):
        parser.error(f"no figure {', '.join(sorted(set(wanted) - set(names)))}: there are {', '.join(names)}")
    chosen = [one for one in every if one.name in wanted]
    if options.dry_run:
        for one in chosen:
            lacking = one.lacks(options.data, options.work)
            lacks = f"  lacks {', '.join(lacking)}" if lacking else ""
            kept = f"results/{one.rows}" if one.rows else "no rows kept"
            print(f"{one.name:18} {one.minutes:5g} min  {kept}; {', '.join(one.pages)}{lacks}")
            print(f"{'':18} python benchmarks/{one.command}")
        print(f"{len(chosen)} figures, about {sum(one.minutes for one in chosen) / 60:.1f} hours")
        return
    if options.check:
        odd = check(chosen)
        print(f"{sum(len(one.says) for one in chosen)} numbers on the pages, {odd} differ from their rows")
        sys.exit(bool(odd))
    odd = 0
    for one in chosen:
        lacking = one.lacks(options.data, options.work)
        if lacking:
            print(f"{one.name}: skipped: needs {', '.join(lacking)}")
            continue
        odd += run(one, options)
    sys.exit(bool(odd))


if __name__ == "__main__":
    main()
