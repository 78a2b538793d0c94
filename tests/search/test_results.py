"""What a search answers: ids, tables, data frames; and pickled to the size of what was found."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from seqsearch import Hit, RangeResults, Results, SequenceIndex, extras
from seqsearch.errors import MismatchError, MissingExtraError, ParameterError
from seqsearch.search import Answers
from seqsearch.sequences import Sequences
from tests.families import families

STORED, QUERIES = families(40, 10, 60), families(40, 2, 60, prefix="q")[::4]
Asked = Callable[[SequenceIndex], Answers]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    labelled = Sequences.from_texts(STORED.texts(), "dna", STORED.ids, [f"family {i // 10}" for i in range(400)])
    return SequenceIndex.build(tmp_path_factory.mktemp("results") / "i.ss", labelled, encoder="kmer")


ASKED: dict[str, Asked] = {
    "search": lambda index: index.search(QUERIES, 4),
    "both strands": lambda index: index.search(QUERIES, 4, strand="both"),
    "few": lambda index: index.search(QUERIES, 5, ids=["s3", "s30"]),
    "within": lambda index: index.within(QUERIES, 9),
    "nothing": lambda index: index.within(QUERIES[:2], 0, where={"label": "family 39"}),
    "no query": lambda index: index.search(QUERIES[:0], 3),
}


@pytest.fixture(params=ASKED)
def answers(request: pytest.FixtureRequest, index: SequenceIndex) -> Answers:
    return ASKED[request.param](index)


def by_hand(answers: Answers) -> list[dict[str, object]]:
    return [
        {"query": hits.query, "rank": hit.rank, "target": hit.id, "distance": hit.distance}
        for hits in answers
        for hit in hits
    ]


def test_tables_say_what_the_hits_say(answers: Answers) -> None:
    told = by_hand(answers)
    both = {"strand"} if answers.minus is not None else set()
    assert [{name: row[name] for name in row if name not in both} for row in answers.to_dicts()] == told
    assert answers.to_dicts(["distance", "target"]) == [{k: row[k] for k in ("distance", "target")} for row in told]
    flat = [hit for hits in answers for hit in hits]
    everything = answers.to_dicts(["row", "label", "description", "sequence", "strand"])
    assert [row["sequence"] for row in everything] == [hit.sequence.text for hit in flat]
    assert [row["label"] for row in everything] == [hit.label for hit in flat]
    assert [row["strand"] for row in everything] == [hit.strand for hit in flat]
    assert [STORED.ids[row["row"]] for row in everything] == [hit.id for hit in flat]
    with pytest.raises(ParameterError, match="hits have no column 'colour': choose one of query, rank, target"):
        answers.columns(["colour"])


def test_data_frames(answers: Answers) -> None:
    told = by_hand(answers)
    if answers.minus is not None:
        strands = [hit.strand for hits in answers for hit in hits]
        told = [{**row, "strand": strand} for row, strand in zip(told, strands, strict=True)]
    pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pytest.importorskip("polars", reason="polars is not installed")
    assert answers.to_pandas().to_dict("records") == told
    assert answers.to_arrow().to_pylist() == told
    assert answers.to_polars().to_dicts() == told
    assert answers.to_arrow(["target"]).schema.field("target").type == "string"


def test_ids_have_the_shape_of_the_rows(answers: Answers) -> None:
    assert answers.ids.shape == answers.rows.shape
    expected = [STORED.ids[row] if row >= 0 else "" for row in answers.rows.ravel().tolist()]
    assert answers.ids.ravel().tolist() == expected
    assert all(type(name) is str for name in answers.ids.ravel())
    for hits in answers:
        assert hits.ids == [hit.id for hit in hits]
        assert hits.sequences.texts() == [hit.sequence.text for hit in hits]


def test_a_package_that_is_missing_is_named(index: SequenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"this needs pandas, .*: pip install 'seqsearch\[frames\]'"):
        index.search(QUERIES[:1]).to_pandas()


def same(one: Answers, other: Answers) -> None:
    assert by_hand(one) == by_hand(other)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.ids, other.ids)
    assert list(one.queries) == list(other.queries)
    assert one.to_dicts(["label", "sequence", "row", "strand"]) == other.to_dicts(
        ["label", "sequence", "row", "strand"]
    )
    assert (one.budget, one.warnings, repr(one)) == (other.budget, other.warnings, repr(other))
    asked = QUERIES[: len(one)]
    assert [path.cigar for path in one.align(asked)] == [path.cigar for path in other.align(asked)]


def test_pickled_to_the_size_of_what_was_found(answers: Answers) -> None:
    raw = pickle.dumps(answers)
    hits = sum(map(len, answers))
    assert len(raw) < 4000 + 200 * hits  # a name, a label, 60 letters, the numbers
    again = pickle.loads(raw)
    same(again, answers)
    same(pickle.loads(pickle.dumps(again)), answers)
    assert len(again.targets) == len({hit.id for hits in answers for hit in hits})


def test_three_queries_do_not_carry_every_id(index: SequenceIndex) -> None:
    found = index.search(QUERIES[:3], 10)
    assert len(pickle.dumps(found)) < 10_000
    hits = found[0]
    assert len(pickle.dumps(hits)) < 3000
    again = pickle.loads(pickle.dumps(hits))
    assert list(again) == list(hits)
    assert again.sequences.texts() == hits.sequences.texts()
    hit = pickle.loads(pickle.dumps(hits[2]))
    assert hit == hits[2]
    assert (hit.sequence.text, hit.label) == (hits[2].sequence.text, hits[2].label)
    assert len(pickle.dumps(hits[2])) < 1500


def test_a_hit_made_by_hand() -> None:
    hit = Hit("a", 2.0, 1)
    assert repr(hit) == "Hit(id='a', distance=2.0, rank=1, strand='+')"
    assert hit == Hit("a", 2.0, 1, "+", (STORED, 3))
    assert len({hit, Hit("a", 2.0, 1, "+", (STORED, 3))}) == 1
    with pytest.raises(MismatchError, match="hit a does not know its sequence"):
        hit.sequence  # noqa: B018
    with pytest.raises(AttributeError):
        hit.rank = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(hit)) == hit


def test_what_is_shown(index: SequenceIndex) -> None:
    found = index.search(QUERIES[:2], 7, exact=True)
    head, titles, first, *rest = repr(found).splitlines()
    assert head.startswith("Results(queries=2, k=7, budget='compared with everything')")
    assert titles.split() == ["query", "rank", "target", "distance"]
    assert first.split() == ["q0", "1", found[0][0].id, f"{found[0][0].distance:g}"]
    assert rest[-1] == "... 4 more"
    assert len(rest) == 10
    assert repr(index.within(QUERIES[:1], 9)).startswith("RangeResults(queries=1, hits=")


def test_names_are_public() -> None:
    assert issubclass(Results, Answers)
    assert issubclass(RangeResults, Answers)
