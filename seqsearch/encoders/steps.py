"""Masked building blocks of the networks that read step by step: input, norm, pooling, readout.

Shapes: (B, T) masks are True on real steps; (B, T, C) hold 0 on padding after every block, so that padding looks to a
convolution like the end of the sequence.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..arrays import JSON, AnyArray
from ..sequences import Sequences, pad, words_of
from .encoder import Encoder
from .inputs import InputSpec
from .words import WordReading


class PaddedEncoder(Encoder):
    """An encoder that reads padded steps. `forward(data, lengths)`: (B, T) codes, (B, T, F) values or (B, T, 1 + G)
    words with their n-grams, and (B,) steps of each.
    """

    def prepare(self, sequences: Sequences) -> tuple[AnyArray, ...]:
        if self.spec.reading is not None:
            return self._words(sequences, self.spec.reading)
        padded = pad(sequences)
        data = np.zeros(padded.data.shape, np.float32 if self.spec.alphabet is None else np.int64)
        data[padded.mask] = self._read(sequences)
        return data, padded.lengths

    def _words(self, sequences: Sequences, reading: WordReading) -> tuple[AnyArray, ...]:
        """(B, T, 1 + G) numbers of words and of their n-grams; a text without a word reads as one unknown word."""
        self.spec.require(sequences)
        words = words_of(sequences)
        lengths = np.maximum(words.lengths, 1)
        mask = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
        grams = reading.grams(words.words) if reading.buckets else np.zeros((len(words.words), 0), np.int64)
        data = np.zeros((*mask.shape, 1 + grams.shape[1]), np.int64)
        data[..., 0] = reading.unknown
        mask[words.lengths == 0] = False
        data[mask] = np.concatenate([reading.numbers(words.words)[:, None], grams], axis=1)
        return data, lengths

    def _read(self, sequences: Sequences) -> AnyArray:
        """(sum T,) rows of the profiles, or (sum T, F) standardised values."""
        self.spec.require(sequences)
        if self.spec.alphabet is None:
            return self.spec.standardized(sequences)
        return self.spec.tokens(sequences)


class StepEncoder(PaddedEncoder):
    """An encoder that also gives a vector of `width` for every step, which knows its surroundings: `steps`; `forward`
    pools these.
    """

    width: int
    inputs: Inputs | WordInputs

    def input_layers(self) -> list[Inputs | WordInputs]:
        """What reads the prepared data first: one layer, unless there are several networks."""
        return [self.inputs]

    @property
    def widths(self) -> list[int]:
        """The widths of each network's share of a step: one, unless there are several."""
        return [self.width]

    @abstractmethod
    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, width), 0 on padding."""

    def elements(self, sequences: Sequences) -> Tensor:
        """(sum T, width): the steps of all sequences, one sequence after the other."""
        data, lengths = self.tensors(sequences)
        real: Tensor = self.steps(data, lengths)[mask_of(data, lengths)]
        return real


def mask_of(data: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) bool."""
    return torch.arange(data.shape[1], device=data.device) < lengths[:, None]


def inputs_for(spec: InputSpec, channels: int) -> Inputs | WordInputs:
    """What turns prepared data into (B, T, C)."""
    return Inputs(spec, channels) if spec.reading is None else WordInputs(spec.reading, channels)


class WordInputs(nn.Module):
    """(B, T, 1 + G) numbers of words and n-grams to (B, T, C): the vector of the word plus those of its n-grams over
    the root of their number.

    While training, a word seen n times is read as the unknown one with probability w / (w + n), w the `word_dropout`
    (Kiperwasser and Goldberg, TACL 2016), so that the unknown word is learnt from rare ones; its n-grams stay.
    """

    counts: Tensor

    def __init__(self, reading: WordReading, channels: int) -> None:
        super().__init__()
        self.unknown = reading.unknown
        self.word_dropout = 0.0
        self.weight = nn.Parameter(torch.randn(reading.size, channels) * 0.5)
        self.grams = nn.Parameter(torch.randn(reading.buckets + 1, channels) * 0.5)  # row 0 stands for no n-gram
        self.dropout = nn.Dropout(0.0)
        self.register_buffer("counts", torch.zeros(reading.size), persistent=False)

    def count(self, words: AnyArray) -> None:
        """Learn how often each (m,) known word occurs in the training set."""
        self.counts = torch.from_numpy(np.bincount(words, minlength=len(self.weight))).to(self.weight)

    def forward(self, data: Tensor, mask: Tensor) -> Tensor:
        words, grams = data[mask][:, 0], data[mask][:, 1:]  # (M,), (M, G) of the real steps
        if self.training and self.word_dropout > 0:
            chance = self.word_dropout / (self.word_dropout + self.counts[words])
            words = words.masked_fill(torch.rand_like(chance) < chance, self.unknown)
        vectors = functional.embedding(words, self.weight)
        if grams.shape[1]:
            total = functional.embedding_bag(grams, self.grams, mode="sum", padding_idx=0)
            vectors = vectors + total * (grams > 0).sum(1, keepdim=True).clamp_min(1).to(total).rsqrt()
        steps = vectors.new_zeros(*mask.shape, vectors.shape[1])
        steps[mask] = self.dropout(vectors)
        return steps


class Inputs(nn.Module):
    """Codes or values to (B, T, C): ambiguous symbols are mixtures of the vectors of what they may be."""

    profiles: Tensor

    def __init__(self, spec: InputSpec, channels: int) -> None:
        super().__init__()
        self.tokens = spec.alphabet is not None
        self.dropout = nn.Dropout(0.0)
        width = spec.symbols if self.tokens else spec.features
        self.weight = nn.Parameter(torch.randn(width, channels) * (1.0 if self.tokens else width**-0.5))
        self.bias = nn.Parameter(torch.zeros(channels))
        table = torch.from_numpy(spec.profiles) if self.tokens else torch.zeros(0)
        self.register_buffer("profiles", table, persistent=False)

    def forward(self, data: Tensor, mask: Tensor) -> Tensor:
        if self.tokens:
            steps = functional.embedding(data, self.profiles @ self.weight + self.bias)
        else:
            steps = data @ self.weight + self.bias
        dropped: Tensor = self.dropout(steps)
        return dropped * mask[..., None]


class Segments(nn.Module):
    """(B, T, C) to (B, S, H): each segment of `segment` steps joined by one linear map."""

    def __init__(self, channels: int, hidden: int, segment: int) -> None:
        super().__init__()
        self.segment = segment
        self.join = nn.Linear(channels * segment, hidden)

    def forward(self, steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The segments, and (B,) how many of each sequence's are real."""
        steps = functional.pad(steps, (0, 0, 0, -steps.shape[1] % self.segment))
        joined = self.join(steps.reshape(len(steps), -1, self.join.in_features))
        return joined, torch.div(lengths + self.segment - 1, self.segment, rounding_mode="floor")


class SegmentEncoder(StepEncoder):
    """A step encoder that joins `segments` of several steps, reads these, and pools them by a readout."""

    segments: Segments
    readout: Readout

    @classmethod
    def stepwise(cls, settings: JSON) -> JSON:
        return {"segment": 1, **settings}

    @abstractmethod
    def read(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """(B, S, H) joined segments to (B, S, C) states, 0 on padding."""

    def steps(self, data: Tensor, lengths: Tensor) -> Tensor:
        """The state of the segment that a step lies in, and, where a segment holds several, its own input beside."""
        mask = mask_of(data, lengths)
        own = self.inputs(data, mask)
        states = self.read(*self.segments(own, lengths))
        if self.segments.segment == 1:
            return states * mask[..., None]
        spread = states.repeat_interleave(self.segments.segment, dim=1)[:, : own.shape[1]]
        return torch.cat([spread, own], dim=2) * mask[..., None]

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        joined, counts = self.segments(self.inputs(data, mask_of(data, lengths)), lengths)
        states = self.read(joined, counts)
        points: Tensor = self.readout(states, mask_of(states, counts), counts)
        return points


class MaskedNorm(nn.BatchNorm1d):
    """Batch norm of (B, T, C) over real steps only, in training and in its running statistics."""

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        out = torch.zeros_like(steps)
        if self.training and int(mask.sum()) < 2:  # one step has no spread to learn
            out[mask] = functional.batch_norm(
                steps[mask], self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        else:
            out[mask] = super().forward(steps[mask])
        return out


def masked_mean(steps: Tensor, mask: Tensor) -> Tensor:
    """(B, C) mean over real steps of (B, T, C)."""
    return (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)


def masked_max(steps: Tensor, mask: Tensor) -> Tensor:
    """(B, C) greatest over real steps."""
    return steps.masked_fill(~mask[..., None], -torch.inf).amax(1)


def binned_mean(steps: Tensor, lengths: Tensor, bins: int, length: int) -> Tensor:
    """(B, bins, C): mean of the steps in each of `bins` position bins, 0 where a sequence does not reach.

    Bins are positions of a sequence of `length` steps; a longer one is compressed into them.
    """
    batch, width, channels = steps.shape
    reach = lengths.clamp_min(length)[:, None]
    places = torch.arange(width, device=steps.device)
    bin_of = torch.div(places * bins, reach, rounding_mode="floor").clamp_max(bins - 1)  # (B, T)
    real = (places < lengths[:, None]).to(steps.dtype)
    sums = steps.new_zeros(batch, bins, channels)
    sums = sums.scatter_add(1, bin_of[..., None].expand_as(steps), steps * real[..., None])
    counts = steps.new_zeros(batch, bins).scatter_add(1, bin_of, real)
    return sums / counts.clamp_min(1)[..., None]


class Readout(nn.Module):
    """Steps of any number to one point: a linear map of position bins (if any), the mean and the greatest of every
    channel.
    """

    def __init__(self, channels: int, dim: int, *, bins: int, length: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.bins = min(bins, length)
        self.length = length
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(channels * (self.bins + 2), dim, bias=False)

    def forward(self, steps: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        steps = steps.float()  # under autocast too: sums over many steps
        parts = [masked_mean(steps, mask), masked_max(steps, mask)]
        if self.bins:
            parts.insert(0, binned_mean(steps, lengths, self.bins, self.length).flatten(1))
        points: Tensor = self.out(self.dropout(torch.cat(parts, dim=1)))
        return points


def positions(width: int, channels: int, device: torch.device) -> Tensor:
    """(T, C) sinusoidal positions, any T (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(width, device=device, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, channels, 2, device=device) * (-np.log(10_000.0) / channels))
    return torch.cat([torch.sin(places * rates), torch.cos(places * rates)], dim=1)[:, :channels]


class AttentionPooling(nn.Module):
    """(B, T, C) to (B, heads * C): e[t] = v . tanh(W h[t] + b), softmax over real steps, weighted sum of h.

    Raffel and Ellis, Pruning subsequence search with attention-based embedding, ICASSP 2016.
    """

    def __init__(self, channels: int, hidden: int, heads: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, hidden)
        self.score = nn.Linear(hidden, heads, bias=False)

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        scores = self.score(torch.tanh(self.hidden(steps))).masked_fill(~mask[..., None], -torch.inf)
        return torch.einsum("bth,btc->bhc", scores.softmax(1), steps).flatten(1)
