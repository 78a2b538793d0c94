"""The GRU family."""

from __future__ import annotations

from torch import nn

from .recurrent import RecurrentEncoder


class GRUEncoder(RecurrentEncoder):
    """A gated recurrent unit (Cho et al. 2014)."""

    cell = nn.GRU
