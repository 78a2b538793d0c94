"""Texts made alike before they are compared: upper and lower case, Unicode normalisation, accents.

Without it texts are compared by code point as they are: "é" is one symbol, or two where it is written as "e" and an
accent; "A" and "a" differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

from ..errors import ParameterError

FOLDS = ("nfc", "nfkc", "casefold", "accents")
"""nfc: characters that are written in several ways are composed (Unicode's normal form C); nfkc: also compatible forms
become one, full width, ligatures, superscripts (form KC); casefold: no difference of case, "ß" becomes "ss"; accents:
marks above and below letters are left out (nonspacing marks of form D, the rest composed again).
"""
_ROUNDS = 4  # a fold may open the way for another: until nothing changes


def checked_folds(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order in `FOLDS`, each once. Raises ParameterError for one there is not."""
    asked = [name.strip().lower() for name in names]
    for name in asked:
        if name not in FOLDS:
            raise ParameterError(f"texts cannot be folded by {name!r}: choose from {', '.join(FOLDS)}")
    return tuple(name for name in FOLDS if name in asked)


def folded(text: str, folds: tuple[str, ...]) -> str:
    """`text` after these folds, the same for any order of them; folding it again changes nothing.

    Whatever the folds, the result is composed (NFC or NFKC).
    """
    if not folds:
        return text
    if text.isascii():
        return text.lower() if "casefold" in folds else text
    form: Literal["NFC", "NFKC"] = "NFKC" if "nfkc" in folds else "NFC"
    for _ in range(_ROUNDS):
        before = text
        if "casefold" in folds:
            text = text.casefold()
        if "accents" in folds:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        text = unicodedata.normalize(form, text)
        if text == before:
            break
    return text
