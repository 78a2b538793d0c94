from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqsearch.encoders.decoder import Decoder
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.encoders.reconstruction import PREFIX, reconstruction_errors
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences
from tests.families import families

SMALL = {"hidden": 8, "channels": 6}


def with_decoder(sequences: Sequences, **shape: int) -> Model:
    """A model of k-mer counts with an untrained decoder."""
    torch.manual_seed(0)
    model = kmer_model(sequences, 2)
    decoder = Decoder(model.spec, model.dim, **{**SMALL, **shape})
    weights = {PREFIX + name: value.numpy() for name, value in decoder.state_dict().items()}
    return replace(model, decoder=decoder.settings(), weights=weights)


def zeroed(spec: InputSpec) -> Decoder:
    decoder = Decoder(spec, 3, **SMALL).eval()
    for parameter in decoder.parameters():
        torch.nn.init.zeros_(parameter)
    return decoder


def test_who_knows_nothing_guesses_evenly() -> None:
    """Surprise of an even guess: log 4 a base, log 2 for R (A or G), none for N."""
    sequences = Sequences.from_texts(["ACGT", "RN"], DNA)
    errors, mask = zeroed(InputSpec("dna", length=4)).errors(torch.zeros(2, 3), sequences, np.zeros(2, np.int64))
    assert errors.detach().tolist() == [pytest.approx([math.log(4)] * 4), pytest.approx([math.log(2), 0, 0, 0])]
    assert mask.tolist() == [[True] * 4, [True, True, False, False]]


def test_series_are_judged_by_squared_error_of_standardised_values() -> None:
    spec = InputSpec(None, features=2, length=3, mean=(1.0, 0.0), deviation=(1.0, 2.0))
    series = Sequences.from_arrays([np.array([[1.0, 4.0], [3.0, 0.0]])])
    errors, _ = zeroed(spec).errors(torch.zeros(1, 3), series, np.zeros(1, np.int64))
    assert errors.detach().tolist() == [pytest.approx([2.0, 2.0])]  # (0 + 2^2) / 2 and (2^2 + 0) / 2


def test_an_element_is_told_only_of_those_before_it() -> None:
    torch.manual_seed(0)
    decoder = Decoder(InputSpec("dna", length=8), 3, **SMALL).eval()
    texts = ["ACGTACGT", "ACGTTCGT"]
    errors, _ = decoder.errors(torch.ones(2, 3), Sequences.from_texts(texts, DNA), np.zeros(2, np.int64))
    first, second = errors.detach().tolist()
    assert first[:4] == pytest.approx(second[:4], abs=1e-6)
    assert first[4] != pytest.approx(second[4], abs=1e-4)
    assert first[5] != pytest.approx(second[5], abs=1e-5)


def test_padding_changes_nothing() -> None:
    sequences = families(6, 3, 40)
    model = with_decoder(sequences)
    together = reconstruction_errors(model, sequences)
    apart = [float(reconstruction_errors(model, sequences[[row]])[0]) for row in range(len(sequences))]
    assert together.tolist() == pytest.approx(apart, rel=1e-5)


def test_long_sequences_are_read_window_after_window() -> None:
    """The mean over elements of the windows one by one; far longer than anything seen before."""
    sequences = families(3, 2, 100)
    model = with_decoder(sequences[:2], window=30)
    weights = {name.removeprefix(PREFIX): torch.from_numpy(value) for name, value in model.weights.items()}
    decoder = Decoder(model.spec, model.dim, **(model.decoder or {})).eval()
    decoder.load_state_dict(weights)
    points = torch.from_numpy(model.embed(sequences))
    total = np.zeros(len(sequences))
    for start in range(0, 90, 30):
        total += decoder.errors(points, sequences, np.full(len(sequences), start))[0].sum(1).detach().numpy()
    for row in np.flatnonzero(sequences.lengths > 90).tolist():
        last = decoder.errors(points[[row]], sequences[[row]], np.array([90]))[0]
        total[row] += float(last.detach().sum())
    assert reconstruction_errors(model, sequences).tolist() == pytest.approx((total / sequences.lengths).tolist())


def test_symbols_never_seen_and_what_cannot_be_read() -> None:
    names = Sequences.from_texts(["anna", "otto"], TEXT)
    model = with_decoder(names)
    assert np.isfinite(reconstruction_errors(model, Sequences.from_texts(["xyz"], TEXT))).all()
    assert reconstruction_errors(model, names[:0]).tolist() == []
    with pytest.raises(MismatchError, match="the model reads text"):
        reconstruction_errors(model, Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(ParameterError, match="the model has no decoder"):
        reconstruction_errors(kmer_model(names), names)
