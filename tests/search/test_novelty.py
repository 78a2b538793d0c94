from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import References, SequenceIndex
from seqsearch.distances import EditDistance
from seqsearch.encoders.reconstruction import reconstruction_errors
from seqsearch.errors import ConditionError, MismatchError, ParameterError
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.search.novelty import detector
from seqsearch.search.novelty.options import METHODS, NoveltyOptions
from seqsearch.sequences import DNA, PROTEIN, Sequences, Strings
from seqsearch.sequences.coercion import columns_from
from seqsearch.store import Store
from tests.families import families, mutate

MEASURED = [(method, by) for method, row in METHODS.items() if row.measures for by in ("exact", "embedding")]
EVERYTHING = families(25, 12, 50, seed=1)
ORDER = np.random.default_rng(0).permutation(len(EVERYTHING))
STORED, HELD = EVERYTHING[ORDER[:220]], EVERYTHING[ORDER[220:]]
NEW = families(10, 4, 50, seed=2, prefix="n")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    return SequenceIndex.build(tmp_path_factory.mktemp("novelty") / "i.ss", STORED, encoder="kmer")


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    return SequenceIndex.build(tmp_path_factory.mktemp("novelty") / "c.ss", STORED, encoder="kmer", bits=16)


def test_nearest_by_the_matrix(index: SequenceIndex) -> None:
    matrix = EditDistance().matrix(NEW, STORED)
    found = index.novelty(NEW)
    assert found.scores.tolist() == matrix.min(axis=1).tolist() == found.distances.tolist()
    assert [matrix[q, row] for q, row in enumerate(found.rows.tolist())] == found.scores.tolist()
    assert found[3].nearest == STORED.ids[int(found.rows[3])]
    assert [verdict.query for verdict in found] == list(NEW.ids)
    for method, column in (("kth", 4), ("mean", slice(0, 5))):
        wanted = np.sort(matrix, axis=1)[:, column]
        scores = index.novelty(NEW, method=method, k=5).scores
        assert scores.tolist() == pytest.approx(wanted.tolist() if method == "kth" else wanted.mean(axis=1).tolist())


def test_members_are_judged_as_if_they_were_not_there(index: SequenceIndex, tmp_path: Path) -> None:
    """What an index without the member says of it, for every method; the code's bandwidth is kept the same."""
    row = 17
    rest = STORED[np.delete(np.arange(len(STORED)), row)]
    with SequenceIndex.build(tmp_path / "rest.ss", rest, encoder="kmer") as without:
        for method, by in MEASURED:
            alone = without.novelty(STORED[[row]], method=method, by=by, k=None if method == "nearest" else 4)
            member = index.member_scores(method=method, by=by, k=None if method == "nearest" else 4)[row]
            assert member == pytest.approx(float(alone.scores[0]), rel=1e-6), (method, by)


def test_members_of_a_shell_are_judged_so_too(codes: SequenceIndex) -> None:
    scores, counts = codes.member_scores(method="shells"), None
    bandwidth = codes.known_scores(method="shells").parameters["bandwidth"]
    own = codes.model.vectors(STORED).view("<u2").ravel().astype(int)
    ones = np.array([bin(mask).count("1") for mask in range(1 << 16)])
    for row in (0, 60):
        counts = ones[np.delete(own, row) ^ own[row]]
        kernel = bandwidth**counts * (1 - bandwidth) ** (16 - counts)
        assert scores[row] == pytest.approx(-np.log(kernel.mean()))


@pytest.mark.parametrize(("method", "by"), MEASURED)
def test_new_families_score_above_held_out_relatives(index: SequenceIndex, method: str, by: str) -> None:
    asked = {"method": method, "by": by, "k": None if method == "nearest" else 4, "fpr": 0.1}
    known, novel = index.novelty(HELD, **asked), index.novelty(NEW, **asked)
    assert (novel.scores[:, None] > known.scores).mean() > 0.9
    assert known.novel.mean() < 0.3
    assert novel.novel.mean() > 0.8
    assert index.novelty(NEW, bh=True, **asked).novel.mean() > 0.8


def test_shells_find_new_families(codes: SequenceIndex) -> None:
    known, novel = codes.novelty(HELD, method="shells"), codes.novelty(NEW, method="shells")
    assert (novel.scores[:, None] > known.scores).mean() > 0.8
    assert (novel.distances == EditDistance().pairs(NEW, np.arange(len(NEW)), STORED, novel.rows)).all()


def test_a_calibration_is_kept_and_made_anew_after_large_changes(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", STORED[:100], encoder="kmer") as index:
        first = index.known_scores()
        assert (len(first), first.size, first.source) == (100, 100, "members")
        with SequenceIndex.open(tmp_path / "i.ss") as again:
            with Store.open(again.path, write=True):  # nobody else may write: it must be there already
                assert again.known_scores().scores.tolist() == first.scores.tolist()
            again.add(STORED[100:115])
            assert again.known_scores().size == 100
            again.add(STORED[115:130])
            assert again.known_scores().size == 130
            assert again.known_scores(anew=True, sample=40).scores.shape == (40,)
        index.refresh()


def test_a_locked_index_is_asked_all_the_same(tmp_path: Path) -> None:
    notes: list[str] = []

    class Watcher:
        def note(self, text: str) -> None:
            notes.append(text)

        def __getattr__(self, name: str):
            from seqsearch.progress import SILENT

            return getattr(SILENT, name)

    with SequenceIndex.build(tmp_path / "i.ss", STORED[:60], encoder="kmer") as index:
        with Store.open(index.path, write=True):
            assert len(index.known_scores(progress=Watcher())) == 60
        assert "the calibration of novelty is not kept in the index" in notes[0]
        with Store.open(index.path) as store:
            assert store.blob("novelty nearest exact 1") is None


def test_known_sequences_of_ones_own(index: SequenceIndex) -> None:
    mine = index.known_scores(known=HELD)
    assert (len(mine), mine.source) == (len(HELD), "given sequences")
    assert index.novelty(NEW, known=HELD).p_values.tolist() == index.novelty(NEW, known=mine).p_values.tolist()
    with pytest.raises(MismatchError, match="scored by 'nearest exact 1', the queries are by 'mean exact 10'"):
        index.novelty(NEW, known=mine, method="mean")


def test_one_sequence_one_p_value(index: SequenceIndex) -> None:
    together = index.novelty(HELD)
    apart = [index.novelty(HELD[[at]]).p_values[0] for at in range(5)]
    assert together.p_values[:5].tolist() == apart
    assert (index.novelty(HELD, ties="conservative").p_values >= together.p_values).all()


def test_duplicates(tmp_path: Path) -> None:
    """Fifty copies of one sequence: a copy is as known as can be, anything else is new; all scores are finite."""
    copies = Sequences.from_texts(["ACGTTGCAACGGTA"] * 50, DNA, [f"c{i}" for i in range(50)])
    asked = Sequences.from_texts(["ACGTTGCAACGGTA", "ACGTTGCAACGGTT"], DNA)
    with SequenceIndex.build(tmp_path / "i.ss", copies, encoder="kmer") as index:
        for method, by in MEASURED:
            same, other = index.novelty(asked, method=method, by=by, fpr=0.05)
            assert same.score == (1.0 if method == "lof" else 0.0)
            assert np.isfinite(other.score)
            assert other.score > same.score
            assert (same.distance, other.distance) == (0, 1)
            assert index.novelty(asked, method=method, by=by, fpr=0.05, ties="conservative").novel.tolist() == [
                False,
                True,
            ]


@pytest.mark.parametrize("bits", [None, 16])
def test_an_empty_index_and_one_of_one(tmp_path: Path, bits: int | None) -> None:
    methods = [*MEASURED, *([("shells", None)] if bits else [])]
    with SequenceIndex.build(tmp_path / "i.ss", STORED[:1], encoder="kmer", bits=bits) as index:
        for method, by in methods:
            found = index.novelty(HELD[:3], method=method, by=by, ties="conservative")
            assert np.isfinite(found.scores).all()
            assert (found.known, found.p_values.tolist(), found.nearest) == (
                0,
                [1.0] * 3,
                ["s" + STORED.ids[0][1:]] * 3,
            )
        index.remove([STORED.ids[0]])
        for method, by in methods:
            found = index.novelty(HELD[:3], method=method, by=by)
            assert np.isinf(found.scores).all()
            assert (found.nearest, found.distances.tolist()) == (["", "", ""], [np.inf] * 3)
            assert not found.novel.any()
            assert len(index.member_scores(method=method, by=by)) == 0


def test_queries_far_longer_than_anything_stored(index: SequenceIndex) -> None:
    rng = np.random.default_rng(0)
    long = Sequences.from_arrays([rng.integers(4, size=5000).astype(np.uint8)], DNA, ["long"])
    for method, by in MEASURED:
        verdict = index.novelty(long, method=method, by=by)[0]
        assert np.isfinite(verdict.score)
        assert verdict.distance >= 4900
        if method != "lof":
            assert verdict.novel


def test_no_queries(index: SequenceIndex) -> None:
    for method, by in MEASURED:
        assert len(index.novelty(HELD[:0], method=method, by=by, bh=True)) == 0


def test_removed_rows_are_not_compared_with(tmp_path: Path) -> None:
    copy = mutate(STORED[0].data, 1, 4, np.random.default_rng(0))
    asked = Sequences.from_arrays([copy], DNA)
    with SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index="hnsw") as index:
        near = index.novelty(asked)[0]
        index.remove([near.nearest])
        for by in ("exact", "embedding"):
            assert index.novelty(asked, by=by)[0].nearest != near.nearest
        assert len(index.member_scores(method="lof", by="embedding")) == len(STORED) - 1


def test_what_cannot_be_asked(index: SequenceIndex) -> None:
    with pytest.raises(ParameterError, match="no novelty method 'age': choose one of nearest, mean"):
        index.novelty(HELD, method="age")
    with pytest.raises(ParameterError, match="novelty has no parameter 'methode'"):
        index.novelty(HELD, methode="mean")
    with pytest.raises(ParameterError, match="shells needs an index of 16-bit codes"):
        index.novelty(HELD, method="shells")
    with pytest.raises(ParameterError, match="reconstruction needs a model with a decoder"):
        index.novelty(HELD, method="reconstruction")
    with pytest.raises(MismatchError, match="dna"):
        index.novelty(Sequences.from_texts(["MKV"], PROTEIN))
    wrong = {
        "by": ("exakt", "by must be exact or embedding, not 'exakt'"),
        "k": (0, "k must be at least 1, not 0"),
        "fpr": (1.0, "fpr must be above 0 and below 1, not 1.0"),
        "ties": ("none", "ties must be smoothed or"),
        "sample": (0, "sample must be at least 1"),
    }
    for name, (value, text) in wrong.items():
        with pytest.raises(ParameterError, match=text):
            NoveltyOptions("mean", **{name: value})
    with pytest.raises(ParameterError, match="the method nearest has k 1, not 3"):
        NoveltyOptions(k=3)
    with pytest.raises(ParameterError, match="by means nothing to the method shells"):
        NoveltyOptions("shells", by="exact")


def test_verdicts_read_like_a_list(index: SequenceIndex) -> None:
    found = index.novelty(HELD[:4])
    assert found[-1] == found[3]
    assert found[1:3] == [found[1], found[2]]
    assert repr(found).startswith("NoveltyResults(queries=4, novel=")
    with pytest.raises(IndexError):
        found[4]


def test_what_a_network_scores_is_compared_with_what_it_never_saw(tmp_path: Path) -> None:
    """Embedding distances and reconstruction: members kept out of training; exact distances: any members."""
    everything = families(110, 10, 30, edits=3)
    plan = TrainingPlan(steps=60, batch=32, check=60, validate=40, target="autoencode")
    model, _ = train(everything, EditDistance(), plan=plan, settings={"dim": 8, "hidden": 16}, seed=0)
    unseen = set(model.training["held_out"])
    with SequenceIndex.build(tmp_path / "i.ss", everything, model=model, index="exact") as index:
        gone = sorted(unseen)[:30]
        index.remove(gone)
        left = index.sequences[[row for row, id in enumerate(index.sequences.ids) if id in unseen - set(gone)]]
        for method in ("reconstruction", "nearest"):
            by = "embedding" if method == "nearest" else None
            told = index.known_scores(method=method, by=by)
            assert (len(told), told.source) == (120, "members kept out of training")
        assert index.known_scores().source == "members"
        told = index.known_scores(method="reconstruction")
        assert told.scores.tolist() == pytest.approx(np.sort(reconstruction_errors(model, left)).tolist(), rel=1e-5)
        strangers = index.novelty(families(40, 1, 30, seed=9), method="reconstruction")
        assert strangers.p_values.mean() < 0.4
        long = Sequences.from_arrays([np.zeros(3000, np.uint8)], DNA)
        assert np.isfinite(index.novelty(long, method="reconstruction").scores).all()
        index.remove(sorted(unseen - set(gone))[:60])
        with pytest.raises(ParameterError, match="60 stored sequences are known to have been kept out of training"):
            index.known_scores(method="reconstruction", anew=True)
        assert index.known_scores(method="kth", by="embedding").source.startswith("members, on most of which")
        assert len(index.novelty(left, method="reconstruction", known=left).p_values) == 120


def test_a_build_remembers_what_it_did_not_train_on(tmp_path: Path) -> None:
    stored = families(60, 10, 30)
    with SequenceIndex.build(tmp_path / "i.ss", stored, encoder="linear", effort="low", dim=8) as index:
        training = index.model.training
        assert len(set(training["held_out"])) == 600 - training["sequences"]
        assert set(training["held_out"]) <= set(stored.ids)


# -- among those that fulfil a condition ------------------------------------------------------------------------------

SITED = STORED.beside(columns_from({"site": ["gut" if row % 3 else "soil" for row in range(len(STORED))]}, len(STORED)))
GUT = np.flatnonzero(np.arange(len(STORED)) % 3)


@pytest.fixture(scope="module")
def sited(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    return SequenceIndex.build(tmp_path_factory.mktemp("novelty") / "sited.ss", SITED, encoder="kmer")


@pytest.mark.parametrize(("method", "by"), MEASURED)
def test_where_is_the_novelty_of_an_index_of_those_alone(
    sited: SequenceIndex, tmp_path: Path, method: str, by: str
) -> None:
    asked = {"method": method, "by": by, "k": None if method == "nearest" else 4}
    with SequenceIndex.build(tmp_path / "gut.ss", STORED[GUT], model=sited.model, index="exact") as alone:
        wanted, found = alone.novelty(NEW, **asked), sited.novelty(NEW, where="site = gut", **asked)
        assert found.scores == pytest.approx(wanted.scores, rel=1e-5)
        assert found.nearest == wanted.nearest
        known = sited.known_scores(where={"site": "gut"}, **asked)
        assert (len(known), known.size) == (len(GUT), len(GUT))
        assert known.scores == pytest.approx(alone.known_scores(**asked).scores, rel=1e-5)
        assert found.p_values == pytest.approx(wanted.p_values)


def test_where_keeps_what_it_measured_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", SITED[:90], encoder="kmer") as index:
        whole, gut = index.known_scores(), index.known_scores(where="site = gut")
        assert (len(whole), len(gut)) == (90, 60)
        assert index.known_scores(where="site = gut") is gut  # the same rows
        with Store.open(index.path) as store:
            assert store.blob(f"novelty {gut.key}") is None
        with pytest.raises(MismatchError, match="scored by 'nearest exact 1', the queries are by .* where site = gut"):
            index.novelty(NEW[:2], known=whole, where="site = gut")
        index.add(SITED[90:92])
        assert len(index.known_scores(where="site = gut")) == 61
        assert len(index.known_scores()) == 90
        monkeypatch.setattr(detector, "_MOST_KEPT", 2)
        for year in range(4):
            index.known_scores(where=f"length > {year}")
        assert len(index._known) == 2


def test_what_looks_new_among_those_that_vote_has_no_label(sited: SequenceIndex) -> None:
    texts = SITED.descriptions, Strings.of([name[:2] for name in SITED.ids])
    labelled = Sequences(SITED.data, SITED.offsets, SITED.ids, SITED.alphabet, *texts, SITED.columns)
    references = References(labelled)
    votes = NeighbourClassifier(references, k=3, abstain=0.05, where="site = soil").classify(SITED[:6])
    soil = references.novelty(SITED[:6], where="site = soil", fpr=0.05)
    assert votes.p_values is not None
    assert votes.p_values.tolist() == soil.p_values.tolist()
    assert votes.abstained.tolist() == soil.novel.tolist()
    assert votes.p_values.tolist() != references.novelty(SITED[:6], fpr=0.05).p_values.tolist()


def test_where_nothing_fulfils_it_nothing_is_called_novel(sited: SequenceIndex) -> None:
    found = sited.novelty(NEW[:3], where="site = sea")
    assert np.isinf(found.scores).all()
    assert (found.p_values <= 1).all()
    assert not found.novel.any()
    assert found.warnings == (f"no sequence of {len(STORED)} fulfils 'site = sea'",)
    for method in ("shells", "reconstruction"):
        with pytest.raises(ParameterError, match=f"the method {method} looks at everything stored: where is for near"):
            sited.novelty(NEW, where="site = gut", method=method)
    with pytest.raises(ConditionError, match="no column 'sight'"):
        sited.known_scores(where="sight = gut")
