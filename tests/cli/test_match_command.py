"""`seqsearch match` from two folders of series to matches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch.cli.main import run


def write_sides(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """Walks through four states, and slower noisy tellings of them; a file each."""
    rng = np.random.default_rng(seed)
    sides = folder / "scores", folder / "takes"
    for side in sides:
        side.mkdir(parents=True)
    for number in range(count):
        states = np.eye(6)[rng.permutation(np.arange(12) % 6)]
        np.save(sides[0] / f"walk{number}.npy", states.repeat(10, axis=0).astype(np.float32))
        slow = states.repeat(rng.integers(10, 12, size=12), axis=0)
        noisy = slow + 0.1 * rng.standard_normal(slow.shape)
        np.savez(sides[1] / f"walk{number}.npz", values=noisy, lengths=[len(slow)])
    return sides


def test_from_folders_to_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores, takes = write_sides(tmp_path, 16, 0)
    matcher = str(tmp_path / "walks.match")
    trained = run(
        [
            "match",
            "train",
            str(scores),
            str(takes),
            "-o",
            matcher,
            "--bits",
            "16",
            "--dim",
            "8",
            "--steps",
            "20",
            "--most",
            "0.5",
            "--threads",
            "1",
        ]
    )
    told = capsys.readouterr()
    assert trained == 0, told.err
    assert "16 entries; of 3 pairs held out" in told.err
    assert run(["match", "search", matcher, str(scores), "-k", "2", "--threads", "1"]) == 0
    told = capsys.readouterr()
    lines = [line.split("\t") for line in told.out.splitlines()]
    assert lines[0] == ["query", "rank", "target", "score", "confidence"]
    first = [line for line in lines[1:] if line[1] == "1"]
    assert len(first) == 16
    assert np.mean([line[0] == line[2] for line in first]) >= 0.5
    assert "exact DTW:" in told.err
    new_scores, new_takes = write_sides(tmp_path / "new", 5, 1)
    assert run(["match", "index", matcher, str(new_takes), "-q"]) == 0
    assert run(["match", "search", matcher, str(new_scores), "--format", "json", "-q", "--threads", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["query"] for row in rows} == {f"walk{n}" for n in range(5)}
    assert run(["match", "info", matcher, "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["entries"], facts["bits"], facts["dim"], facts["steps_per_hash"]) == (5, 16, 8, 4)
    assert run(["match", "info", matcher]) == 0
    assert "entries" in capsys.readouterr().out


def test_what_goes_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores, takes = write_sides(tmp_path, 3, 0)
    output = ["-o", str(tmp_path / "m")]

    def said(*arguments: str) -> tuple[int, str]:
        return run(["match", *arguments]), capsys.readouterr().err

    assert said("train", str(scores), str(tmp_path / "none"), *output)[0] == 1
    (tmp_path / "empty").mkdir()
    code, text = said("train", str(scores), str(tmp_path / "empty"), *output)
    assert (code, "empty: no file in it ends in .npy, .npz" in text) == (1, True)
    code, text = said("train", str(scores), str(takes), *output, "--bits", "12")
    assert (code, "not 12" in text) == (2, True)
    (tmp_path / "pairs.tsv").write_text("walk0\twalk0\nwalk1 walk1\n", encoding="utf-8")
    code, text = said("train", str(scores), str(takes), *output, "--pairs", str(tmp_path / "pairs.tsv"))
    assert (code, "pairs.tsv: line 2: 'walk1 walk1' is not two ids" in text) == (1, True)
    np.save(scores / "walk1.npy", np.zeros((2, 3, 4)))
    code, text = said("train", str(scores), str(takes), *output)
    assert (code, "walk1.npy: holds float64(2, 3, 4): a file of a folder is one series" in text) == (1, True)
    np.save(scores / "walk1.npy", np.zeros((9, 5)))
    code, text = said("train", str(scores), str(takes), *output)
    assert (code, "walk1.npy: has series of 5 features, walk0.npy of 6" in text) == (1, True)
    code, text = said("search", str(tmp_path), str(scores))
    assert (code, "not an index" in text) == (1, True)
    assert not (tmp_path / "m").exists()


def test_build_with_pairs_makes_an_index_like_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores, takes = write_sides(tmp_path, 16, 0)
    index, small = (
        str(tmp_path / "walks.ss"),
        ["--bits", "16", "--dim", "8", "--most", "0.5", "--steps", "20", "--threads", "1"],
    )
    assert run(["build", str(takes), "-o", index, "--pairs", str(scores), *small]) == 0, capsys.readouterr().err
    assert "16 entries; of 3 pairs held out" in capsys.readouterr().err
    assert run(["search", index, str(scores), "-k", "2", "--columns", "query,rank,target,distance"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["query", "rank", "target", "distance"]
    assert len(lines) == 33
    _, more = write_sides(tmp_path / "new", 4, 1)
    for file in more.iterdir():
        file.rename(file.with_name(f"new-{file.name}"))
    assert run(["add", index, str(more), "-q"]) == 0, capsys.readouterr().err
    assert run(["remove", index, "new-walk1", "-q"]) == 0
    assert run(["verify", index]) == 0
    assert run(["info", index, "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["sequences"], facts["format_version"], facts["pairs"]["most"]) == (19, 2, 0.5)
    assert run(["calibrate", index, "--queries", str(scores), "--recall", "0.9", "-q"]) == 0, capsys.readouterr().err
    assert run(["build", str(takes), "-o", index, "--pairs", str(scores), "--distance", "dtw"]) == 2
    assert "--distance means nothing with --pairs" in capsys.readouterr().err
    assert run(["build", str(takes), "-o", index, "--most", "0.5"]) == 2
    assert "--most belongs to --pairs" in capsys.readouterr().err
