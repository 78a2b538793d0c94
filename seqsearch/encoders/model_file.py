"""A model as one file: safetensors, with the document as JSON in its metadata."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import CorruptIndexError, InputError, StrPath
from .model import Model


def save_model(model: Model, path: StrPath) -> None:
    """Write under a temporary name and rename."""
    from safetensors.numpy import save

    place = Path(path)
    content = save(model.weight_arrays(), metadata={"seqsearch": json.dumps(model.document(), sort_keys=True)})
    unfinished = place.with_name(f"{place.name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, place)


def load_model(path: StrPath) -> Model:
    """Raises InputError for a file that cannot be read, CorruptIndexError for one that holds no model,
    FormatVersionError for one from a newer version.
    """
    try:
        content = Path(path).read_bytes()
    except IsADirectoryError:
        raise InputError("is a folder: a model is one file, which `seqsearch train` writes", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    try:
        length = int.from_bytes(content[:8], "little")  # safetensors: 8 bytes of header length, then a JSON header
        document = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["seqsearch"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptIndexError(f"{os.fspath(path)} is not a model file: {error}") from None
    return Model.restore(document, content)
