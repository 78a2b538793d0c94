"""A model as one file: safetensors, with the document as JSON in its metadata."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import CorruptIndexError, InputError, ParameterError, StrPath
from ..files import atomic_write, read_tensors, write_tensors
from .model import Model
from .own import OwnModel


def save_model(model: Model, path: StrPath) -> None:
    """Write a model to one file, durably, or leave what was there. Raises OSError, and ParameterError for that of an
    index with own vectors, which makes none.

    The file holds numbers and text alone (safetensors, JSON): one from a stranger is safe to load.

    >>> import seqsearch as ss
    >>> ss.save_model(ss.train(["anna", "hanna", "otto"], encoder="kmer"), "names.model")
    >>> ss.load_model("names.model").family
    'kmer'
    """
    if isinstance(model, OwnModel):
        raise ParameterError(f"there is no model to save: {model.told}, which were made elsewhere")
    with atomic_write(path) as file:
        file.write(write_tensors(model.weights, model.document()))


def load_model(path: StrPath) -> Model:
    """The model of a file that `save_model` or `seqsearch train` wrote. `SequenceIndex.build(model=)` takes it.

    Raises InputError for a file that cannot be read, CorruptIndexError for one that holds no model, FormatVersionError
    for one from a newer version.

    >>> import seqsearch as ss
    >>> ss.save_model(ss.train(["anna", "hanna", "otto"], encoder="kmer"), "names.model")
    >>> model = ss.load_model("names.model")
    >>> index = ss.SequenceIndex.build("names.ss", ["anna", "hanna", "otto"], model=model)
    >>> index.model.embed(["ana"]).tolist() == model.embed(["ana"]).tolist()
    True
    """
    try:
        content = Path(path).read_bytes()
    except IsADirectoryError:
        raise InputError("is a folder: a model is one file, which `seqsearch train` writes", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None

    def no_model(reason: str) -> CorruptIndexError:
        return CorruptIndexError(f"{os.fspath(path)} is not a model file: {reason}")

    return Model.of(*read_tensors(content, error=no_model))
