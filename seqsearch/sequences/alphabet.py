"""Alphabets: which symbols a sequence may have, and what an ambiguous one stands for.

Sequences hold *codes*. For a fixed alphabet (DNA, RNA, protein) the code is the position in `letters`: first the
canonical symbols, then the ambiguous ones, each a mixture of canonical ones (IUPAC-IUB 1984 nomenclature). Text is
coded by Unicode code point as it is written, integer tokens by themselves. A text alphabet may fold what it is given
first, "text+casefold+accents": see `folding.FOLDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from ..arrays import AnyArray, ByteArray, FloatArray
from ..errors import ParameterError, SymbolError
from .folding import checked_folds, folded

NOT_A_SYMBOL = 255


@dataclass(frozen=True)
class Alphabet:
    """A set of symbols.

    `canonical`: the symbols proper; `mixtures`: ambiguous symbol -> the canonical ones it may be; `aliases`: other
    spellings of a symbol (U for T). All three empty: an open alphabet (text, integers), where any code is a symbol.
    Upper and lower case are the same symbol in a fixed alphabet and different ones in an open one, unless its name says
    that they are folded: "text+casefold".

    >>> import seqsearch as ss
    >>> dna = ss.alphabet_named("dna")
    >>> dna.encode("ACgtN"), dna.decode(dna.encode("acgu"))
    (array([ 0,  1,  2,  3, 14], dtype=uint8), 'ACGT')
    """

    name: str
    canonical: str = ""
    mixtures: dict[str, str] = field(default_factory=dict, hash=False)
    aliases: dict[str, str] = field(default_factory=dict, hash=False)

    @cached_property
    def folds(self) -> tuple[str, ...]:
        """What is done to a text before it is coded: names of `folding.FOLDS`, none as a rule."""
        return tuple(self.name.split("+")[1:])

    @property
    def is_open(self) -> bool:
        """True when any code is a symbol."""
        return not self.canonical

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint32]:
        """uint8 for a fixed alphabet, uint32 for an open one."""
        return np.dtype(np.uint32) if self.is_open else np.dtype(np.uint8)

    @property
    def size(self) -> int:
        """The number of codes: a code is from 0 to `size` - 1."""
        return len(self.letters) if not self.is_open else 2**32 if self.name == INTEGERS.name else 0x110000

    @cached_property
    def letters(self) -> str:
        """The letter of every code of a fixed alphabet."""
        return self.canonical + "".join(self.mixtures)

    @cached_property
    def _code_of_byte(self) -> bytes:
        table = np.full(256, NOT_A_SYMBOL, np.uint8)
        spelled = {letter: code for code, letter in enumerate(self.letters)}
        spelled |= {alias: spelled[letter] for alias, letter in self.aliases.items()}
        for letter, code in spelled.items():
            table[ord(letter.upper())] = table[ord(letter.lower())] = code
        return table.tobytes()

    @cached_property
    def _byte_of_code(self) -> ByteArray:
        return np.frombuffer(self.letters.encode("ascii"), np.uint8)

    @cached_property
    def profiles(self) -> FloatArray:
        """(codes, canonical symbols): each code as a distribution over the canonical symbols of a fixed alphabet."""
        table = np.zeros((len(self.letters), len(self.canonical)), np.float32)
        table[: len(self.canonical)] = np.eye(len(self.canonical), dtype=np.float32)
        for row, members in enumerate(self.mixtures.values(), start=len(self.canonical)):
            for member in members:
                table[row, self.canonical.index(member)] = 1 / len(members)
        return table

    def encode(self, text: str | bytes) -> AnyArray:
        """(T,) codes of `text`. Raises SymbolError naming the symbol and its position (counted from 1)."""
        if self.name == INTEGERS.name:
            return self._encode_integers(text)
        if self.is_open:
            decoded = folded(text if isinstance(text, str) else text.decode("utf-8"), self.folds)
            return np.frombuffer(bytearray(decoded.encode("utf-32-le")), "<u4").astype(np.uint32, copy=False)
        raw = text if isinstance(text, bytes) else text.encode("utf-8")
        codes = self.lookup(raw)
        if codes.size and codes.max() == NOT_A_SYMBOL:
            at = int(np.argmax(codes == NOT_A_SYMBOL))
            shown = raw[at : at + 1].decode("latin-1") if isinstance(text, bytes) else _symbol_at_byte(text, at)
            raise SymbolError(f"symbol {shown!r} at position {at + 1} is not in the {self.name} alphabet")
        return codes

    def lookup(self, raw: bytes) -> ByteArray:
        """(len(raw),) codes of the bytes of a fixed alphabet, NOT_A_SYMBOL where a byte is none: for whole batches.

        In memory that may be written, as sets of sequences have it: kernels are compiled for each kind by itself.
        """
        return np.frombuffer(bytearray(raw.translate(self._code_of_byte)), np.uint8)

    def _encode_integers(self, text: str | bytes) -> AnyArray:
        fields = (text if isinstance(text, str) else text.decode("utf-8")).split()
        values = []
        for position, token in enumerate(fields, start=1):
            try:
                values.append(int(token))
            except ValueError:
                raise SymbolError(f"{token[:40]!r} at position {position} is not an integer token") from None
        for value in values:
            if not 0 <= value < self.size:
                raise SymbolError(f"token {value} is outside 0..{self.size - 1}")
        return np.array(values, np.uint32)

    def decode(self, codes: AnyArray) -> str:
        """The text of `codes`; the inverse of `encode` up to case, aliases and folds."""
        if self.name == INTEGERS.name:
            return " ".join(map(str, codes.tolist()))
        if self.is_open:
            return codes.astype("<u4").tobytes().decode("utf-32-le")
        return self._byte_of_code[codes].tobytes().decode("ascii")

    def __reduce__(self) -> tuple[Callable[..., Alphabet], tuple[object, ...]]:
        """Pickled by name, where this is the alphabet of that name."""
        if ALPHABETS.get(self.name) is self:
            return alphabet_named, (self.name,)
        return Alphabet, (self.name, self.canonical, self.mixtures, self.aliases)

    def __repr__(self) -> str:
        return f"Alphabet({self.name!r})"


def _symbol_at_byte(text: str, position: int) -> str:
    """The character of `text` whose UTF-8 encoding starts at byte `position`."""
    return text[len(text.encode("utf-8")[:position].decode("utf-8", "ignore"))]


_MEMBERS = ["AG", "CT", "CG", "AT", "GT", "AC", "CGT", "AGT", "ACT", "ACG", "ACGT"]
_NUCLEOTIDE_MIXTURES = dict(zip("RYSWKMBDHVN", _MEMBERS, strict=True))

DNA = Alphabet("dna", "ACGT", _NUCLEOTIDE_MIXTURES, {"U": "T"})
RNA = Alphabet(
    "rna", "ACGU", {code: members.replace("T", "U") for code, members in _NUCLEOTIDE_MIXTURES.items()}, {"T": "U"}
)
PROTEIN = Alphabet(
    "protein",
    "ACDEFGHIKLMNPQRSTVWYUO",
    {"B": "DN", "Z": "EQ", "J": "IL", "X": "ACDEFGHIKLMNPQRSTVWY", "*": "ACDEFGHIKLMNPQRSTVWY"},
)
TEXT = Alphabet("text")
INTEGERS = Alphabet("integers")

ALPHABETS = {alphabet.name: alphabet for alphabet in (DNA, RNA, PROTEIN, TEXT, INTEGERS)}


def alphabet_named(name: str | Alphabet) -> Alphabet:
    """The alphabet of that name, or itself. Raises ParameterError listing the names there are.

    "text+casefold", "text+nfkc+accents", ...: text that is folded first, by names of `folding.FOLDS`; such an alphabet
    goes wherever another does, with an index as well, so that queries are folded as what is stored.

    >>> import seqsearch as ss
    >>> folded = ss.alphabet_named("text+casefold")
    >>> folded.decode(folded.encode("Anna"))
    'anna'
    """
    if isinstance(name, Alphabet):
        return name
    if name in ALPHABETS:
        return ALPHABETS[name]
    start, plus, folds = name.partition("+")
    if start == TEXT.name and plus:
        return _folding("+".join((start, *checked_folds(folds.split("+")))))
    raise ParameterError(f"no alphabet {name!r}: choose one of {', '.join(ALPHABETS)}")


_folding = cache(Alphabet)  # one object for one name
