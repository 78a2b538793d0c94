"""The base installation: what works without torch, matplotlib, scipy, faiss, hnswlib and the like, and what is told."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch import extras
from seqsearch.distances import EditDistance
from seqsearch.encoders.families import FAMILIES
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model
from seqsearch.encoders.run import torch_runner
from seqsearch.errors import MissingExtraError
from seqsearch.search.deciding import decided
from seqsearch.sequences import PROTEIN
from tests.families import families

ROOT = Path(__file__).parents[1]
HIDDEN = {
    *("torch", "optuna", "matplotlib", "scipy", "faiss", "hnswlib", "Levenshtein", "sklearn", "pandas", "polars"),
    *("pyarrow", "zstandard", "h5py", "mido", "fastapi", "uvicorn", "ray", "qiime_default_reference"),
}

BASE = """
import json, sys
from pathlib import Path

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
import numpy as np, seqsearch as ss
from seqsearch.cli.main import run

folder = Path(sys.argv[1])
refs, queries = ss.read(folder / "refs.fasta"), ss.read(folder / "queries.fasta")
said = {}
for kind in ("ivf", "hnsw"):
    with ss.SequenceIndex.build(folder / f"{kind}.ss", refs, learn="none", index=kind, recall=0.9, seed=0) as index:
        said[kind] = index.search(queries, 3).distances.tolist()
        said["exact"] = index.search(queries, 3, exact=True).distances.tolist()
with ss.SequenceIndex.open(folder / "ivf.ss") as index:
    index.add(ss.as_sequences([*queries][:5]))
    assert index.search(queries[:5], 1).distances.tolist() == [[0.0]] * 5
    index.remove([refs.ids[0]])
    said["novel"] = int(index.novelty(ss.as_sequences(["ACGT" * 15, refs[3].text])).novel.sum())
    assert not index.verify().problems
with ss.SequenceIndex.open(folder / "trained.ss") as index:
    said["family"] = index.model.family
    np.save(folder / "points.npy", index.model.embed(queries))
    said["trained"] = index.search(queries, 3).distances.tolist()
said["close"] = len(ss.duplicates(queries, "edit", 1).kept)
said["proved"] = ss.References(refs).search(queries, 3).distances.tolist()
said["codes"] = [run(command) for command in (
    ["search", str(folder / "refs.fasta"), str(folder / "queries.fasta"), "-k", "1", "-o", str(folder / "o.tsv")],
    ["train", str(folder / "refs.fasta"), "-o", str(folder / "m.model")],
    ["build", str(folder / "refs.fasta"), "-o", str(folder / "n.ss"), "--learn", "low"],
    ["evaluate", str(folder / "ivf.ss"), str(folder / "queries.fasta"), "--plot", str(folder / "x.png")],
)]
said["loaded"] = sorted(HIDDEN & set(sys.modules))
print(json.dumps(said))
"""


def default_model(sequences: ss.Sequences) -> Model:
    """Of the default family, whose norms have statistics, as after training, and are no longer those of a new one."""
    family = FAMILIES["projection"]
    encoder = family.build(InputSpec.fit(sequences), {"dim": 24, "hidden": 40})
    encoder.warm_up(sequences)
    rng = np.random.default_rng(2)
    weights = {name: np.array(value.numpy()) for name, value in encoder.state_dict().items()}
    for name in ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"):
        weights[name] = rng.uniform(0.2, 2.0, 40).astype(np.float32)
    return Model("projection", encoder.spec, encoder.settings(), weights, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of references and queries, and an index whose encoder is the default one, trained."""
    made = tmp_path_factory.mktemp("base")
    drawn = families(30, 10, 40, edits=4)
    rows = np.random.default_rng(0).permutation(len(drawn))
    ss.write_fasta(made / "refs.fasta", drawn[rows[30:]])
    ss.write_fasta(made / "queries.fasta", drawn[rows[:30]])
    refs = ss.read(made / "refs.fasta")
    ss.SequenceIndex.build(made / "trained.ss", refs, model=default_model(refs), index="ivf", recall=0.9).close()
    return made


def test_the_base_installation_does_what_it_is_for(folder: Path) -> None:
    code = f"HIDDEN = {HIDDEN!r}\n{textwrap.dedent(BASE)}"
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    refs, queries = ss.read(folder / "refs.fasta"), ss.read(folder / "queries.fasta")
    truth = ss.References(refs).search(queries, 3).distances.tolist()
    assert said["proved"] == said["exact"] == truth
    for kind in ("ivf", "hnsw", "trained"):
        assert np.mean(np.array(said[kind]) == np.array(truth)) > 0.8
    assert said["novel"] == 1
    assert said["family"] == "projection"
    with ss.SequenceIndex.open(folder / "trained.ss") as index:
        np.testing.assert_array_equal(np.load(folder / "points.npy"), index.model.embed(queries))
    assert said["close"] == len(ss.duplicates(queries, "edit", 1).kept)
    assert said["codes"] == [0, 1, 1, 1]
    for needs in ("training needs torch", "training an encoder needs torch", "a picture needs matplotlib"):
        assert f"error: {needs}, which is not installed: pip install 'seqsearch[" in done.stderr
    assert said["loaded"] == []


def spelled(kind: str) -> ss.Sequences:
    if kind == "protein":
        return families(10, 4, 60, alphabet=PROTEIN)
    rng = np.random.default_rng(1)
    if kind == "text":
        return ss.as_sequences(["".join(rng.choice(list("abcdef -é"), 12)) for _ in range(40)])
    if kind == "series":
        return ss.as_sequences([rng.normal(size=(30, 2)).cumsum(axis=0).astype(np.float32) for _ in range(40)])
    return families(10, 4, 60)


@pytest.mark.parametrize("kind", ["dna", "protein", "text", "series"])
def test_the_default_encoder_gives_without_torch_what_it_gives_with_it(kind: str) -> None:
    """DNA, proteins, texts, series."""
    sequences = spelled(kind)
    model = default_model(sequences)
    expected = torch_runner(FAMILIES["projection"].build(model.spec, model.settings), model.weights)(sequences)
    with extras.without("torch"):
        found = Model.restore(model.document(), model.weight_bytes()).embed(sequences)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)


def untrained(name: str) -> Model:
    sequences = families(4, 4, 40)
    encoder = FAMILIES[name].build(InputSpec.fit(sequences), {"dim": 8})
    weights = {key: np.array(value.numpy()) for key, value in encoder.state_dict().items()}
    return Model(name, encoder.spec, encoder.settings(), weights, 8)


TORCH = r", which is not installed: pip install 'seqsearch\[train\]'"
NEEDING: dict[str, Callable[[Model], object]] = {
    "encoder 'cnn' needs torch": lambda cnn: cnn.embed(families(2, 2, 40)),
    "encoder 'gru' needs torch": lambda cnn: FAMILIES["gru"].build(cnn.spec, {}),
    "training encoder 'projection' needs torch": lambda cnn: ss.train(families(4, 4, 40)),
    "learning from labels needs torch": lambda cnn: ss.train(["ab", "cd"], ["x", "y"], task="classify"),
    "seqsearch.Encoder needs torch": lambda cnn: ss.Encoder,
    "training an encoder needs torch": lambda cnn: ss.SequenceIndex.build("x.ss", ["anna", "otto"], learn="normal"),
}


@pytest.mark.parametrize("told", NEEDING)
def test_what_needs_torch_says_so_before_anything_is_done(told: str) -> None:
    model = untrained("cnn")
    with extras.without("torch"), pytest.raises(MissingExtraError, match=told + TORCH):
        NEEDING[told](model)


def test_where_nothing_can_be_learned_components_are_taken_and_it_is_said(tmp_path: Path) -> None:
    stored = families(25, 16, 60)
    with extras.without("torch"):
        decision = decided(stored, 100_000, EditDistance(), 10**10)
        assert (decision.learn, decision.cheapest) == ("none", "normal")
        assert "nothing is learned, for want of torch: pip install 'seqsearch[train]' (lossless" in str(decision)
        with ss.SequenceIndex.build(tmp_path / "c.ss", stored[:40], bits=16, recall=0.8, seed=0) as coded:
            assert (coded.model.family, coded.model.bits) == ("components", 16)


def test_exports_name_the_library_they_are_for(folder: Path, tmp_path: Path) -> None:
    with ss.SequenceIndex.open(folder / "trained.ss") as index:
        for library, extra in (("faiss", "large"), ("hnswlib", "hnswlib")):
            with extras.without(library), pytest.raises(MissingExtraError, match=rf"seqsearch\[{extra}\]"):
                index.export(tmp_path / "x", library)


def test_every_extra_that_an_error_names_is_there_and_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known, page = project["optional-dependencies"], (ROOT / "docs/installing.md").read_text()
    packages = {"torch": "torch", "faiss": "faiss-cpu"}
    for package, extra in extras.OF.items():
        assert any(line.startswith(packages.get(package, package)) for line in known[extra])
    named = {value for name, value in vars(extras).items() if name.isupper() and isinstance(value, str)}
    assert named <= set(known)
    for extra in set(known) - {"bench", "dist", "docs", "test", "web"}:
        assert f"| `{extra}` |" in page
    base = " ".join(project["dependencies"]).lower()
    assert not [name for name in HIDDEN if name.lower() in base.replace("_", "-")]
