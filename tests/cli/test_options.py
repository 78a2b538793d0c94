"""Options that are fields of a dataclass elsewhere: each has its field there, so that none is dropped in silence."""

from __future__ import annotations

import dataclasses

import pytest

from seqsearch.cli import bench, build, novelty, train, training
from seqsearch.evaluation.comparing import Comparison
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.supervised import LabelPlan
from seqsearch.search.novelty import NoveltyOptions
from seqsearch.search.options import BuildOptions


def names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize(
    ("group", "kinds", "others"),
    [
        (build.Options, (BuildOptions,), "model queries vectors query_vectors"),
        (bench.Compare, (Comparison,), "queries"),
        (novelty.Options, (NoveltyOptions,), "known known_vectors output_format plot where"),
        (train.Options, (TrainingPlan, LabelPlan), "encoder settings dim effort checkpoint log plot seed"),
        (training.LabelOptions, (LabelPlan,), "unit validation mask_column"),
    ],
    ids=["build", "bench", "novelty", "train", "labels"],
)
def test_every_option_has_its_field(group: type, kinds: tuple[type, ...], others: str) -> None:
    assert names(group) - set().union(*map(names, kinds)) == set(others.split())
