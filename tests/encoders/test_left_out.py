"""Features that no sequence of a batch has are left out of its products."""

import numpy as np
import torch

from seqsearch.encoders import projection
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.projection import ProjectionEncoder
from seqsearch.sequences import TEXT, Sequences


def test_points_and_gradients_are_those_of_all_features(monkeypatch):
    rng = np.random.default_rng(0)
    letters = [chr(0x100 + i) for i in range(150)]
    texts = Sequences.from_texts(["".join(rng.choice(letters, 12)) for _ in range(40)], TEXT)
    torch.manual_seed(0)
    network = ProjectionEncoder(InputSpec.fit(texts), dim=8, hidden=16)
    assert network.features.size > projection._WIDE
    with torch.no_grad():
        network.narrow.weight.normal_()
    found = []
    for full in (1.0, 0.0):  # left out, and not
        monkeypatch.setattr(projection, "_FULL", full)
        network.zero_grad()
        points = network.encode(texts[:20])
        points.square().sum().backward()
        found.append((points.detach(), network.linear.weight.grad.clone(), network.widen.weight.grad.clone()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    absent = (torch.from_numpy(network.features.dense(texts[:20])) == 0).all(0)
    assert absent.any()
    assert not found[0][1][:, absent].any()
