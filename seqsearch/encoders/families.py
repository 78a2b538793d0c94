"""The table of encoder families. Torch is imported only when a network is built."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ParameterError


@dataclass(frozen=True)
class Family:
    """One kind of encoder: its `name`, where its network lives, what it reads and can do, and its learning `rate`.

    `steps`: it reads step by step, so it gives a vector of every step too, and text may be read word by word;
    `segments`: it joins several steps to one unless told otherwise, by its setting `segment`.
    """

    name: str
    summary: str
    module: str = ""
    network: str = ""
    inputs: tuple[str, ...] = ("tokens",)
    trained: bool = True
    without_torch: bool = False
    steps: bool = False
    segments: bool = False
    rate: float = 2e-3


BOTH = ("tokens", "series")

FAMILIES = {
    family.name: family
    for family in (
        Family("kmer", "k-mer counts, nothing learned", trained=False, without_torch=True),
        Family(
            "curve",
            "shape features of a series, nothing learned",
            inputs=("series",),
            trained=False,
            without_torch=True,
        ),
        Family(
            "projection",
            "linear map of k-mers and positions, or of a curve's shape, plus a residual network (the default)",
            "projection",
            "ProjectionEncoder",
            inputs=BOTH,
            without_torch=True,
        ),
        Family("linear", "linear map of the same features", "linear", "LinearEncoder", BOTH, without_torch=True),
        Family("mlp", "dense layers over the same features", "mlp", "MLPEncoder", BOTH),
        Family("cnn", "convolutions over steps, position bins", "cnn", "CNNEncoder", BOTH, steps=True),
        Family("gru", "gated recurrent units, both ways", "gru", "GRUEncoder", BOTH, steps=True, segments=True),
        Family("lstm", "long short-term memory, both ways", "lstm", "LSTMEncoder", BOTH, steps=True, segments=True),
        Family(
            "transformer",
            "global attention between segments",
            "transformer",
            "TransformerEncoder",
            BOTH,
            steps=True,
            segments=True,
            rate=1e-3,
        ),
        Family(
            "local-transformer",
            "attention between near segments",
            "transformer",
            "LocalTransformerEncoder",
            BOTH,
            steps=True,
            segments=True,
            rate=1e-3,
        ),
        Family("attention", "attention pooling over steps", "attention", "AttentionEncoder", BOTH, steps=True),
        Family(
            "ensemble",
            "several networks that read step by step, side by side",
            "ensemble",
            "EnsembleEncoder",
            BOTH,
            steps=True,
        ),
    )
}

DEFAULT = {"tokens": "projection", "series": "projection"}


def family_named(name: str, kind: str = "tokens") -> Family:
    """The family of that name; "auto" gives the default for the kind of input. Raises ParameterError."""
    chosen = DEFAULT[kind] if name == "auto" else name
    if chosen not in FAMILIES:
        raise ParameterError(f"no encoder {name!r}: choose one of auto, {', '.join(FAMILIES)}")
    family = FAMILIES[chosen]
    if kind not in family.inputs:
        raise ParameterError(f"encoder {name!r} reads {' or '.join(family.inputs)}, not {kind}")
    return family
