"""seqsearch map: pictures and pages of what an index holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, as_sequences
from seqsearch.errors import MismatchError
from seqsearch.evaluation.plots import plot_map
from tests.families import families

Seqsearch = Callable[..., object]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    some = families(4, 10, 60, seed=1)
    labels = [f"a; </script>family {at // 10}" for at in range(len(some))]
    place = tmp_path_factory.mktemp("map") / "genes.ss"
    given = as_sequences(some.texts(), ids=list(some.ids), labels=labels, alphabet="dna")
    SequenceIndex.build(place, given, learn="none", encoder="kmer").close()
    return place


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture(seqsearch: Seqsearch, path: Path, tmp_path: Path, ending: str) -> None:
    for name in ("one", "two"):
        said = seqsearch("map", path, "-o", tmp_path / f"{name}.{ending}")
        assert (said.code, said.out) == (0, "")
        assert said.err.endswith(f"{name}.{ending}: 40 points\n")
    made = [(tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two")]
    assert made[0] == made[1]
    assert made[0].startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    if ending == "svg":
        assert b"family 3" in made[0]


def test_a_page_that_holds_everything(seqsearch: Seqsearch, path: Path, tmp_path: Path) -> None:
    assert seqsearch("map", path, "-o", tmp_path / "m.html", "--by", "label", "--rank", 2, "-q").err == ""
    text = (tmp_path / "m.html").read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["']""", text)
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', text, re.S).group(1))
    assert facts["ids"] == [f"s{at}" for at in range(40)]
    assert facts["labels"][39] == "a; </script>family 3"  # which does not end the element
    assert facts["title"] == "genes: 40 sequences"


def test_what_cannot_be_drawn(seqsearch: Seqsearch, path: Path, tmp_path: Path) -> None:
    said = seqsearch("map", path, "-o", tmp_path / "m.bmp")
    assert said.code == 2
    assert "a map is a file ending in .png, .svg, .pdf, .html, not" in said.err
    assert seqsearch("map", path, "-o", tmp_path / "m.png", "--by", "colour").code == 2
    assert list(tmp_path.iterdir()) == []


def test_numbers_nothing_and_no_points(tmp_path: Path) -> None:
    places = np.random.default_rng(0).standard_normal((30, 2)).astype(np.float32)
    plot_map(places, tmp_path / "n.png", numbers=np.r_[np.nan, np.arange(29)].astype(np.float32), by="length")
    plot_map(places, tmp_path / "g.png", groups=np.arange(30, dtype=np.uint8) % 2, names=("a", "other"))
    plot_map(places[:0], tmp_path / "e.png")
    plot_map(places[:1], tmp_path / "o.png")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 4
    with pytest.raises(MismatchError, match="3 colours for 30 points"):
        plot_map(places, tmp_path / "x.png", groups=np.zeros(3, np.uint8), names=("a",))
