"""Who may read and who may write: tokens of a file, one a line, `read TOKEN` or `write TOKEN`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError, ParseError, StrPath

Role = Literal["read", "write"]
SHORTEST = 16


@dataclass(frozen=True)
class Tokens:
    """The digests of tokens, with what they allow: whoever may write may read. Empty: everybody may do everything."""

    roles: tuple[tuple[bytes, Role], ...] = ()

    @classmethod
    def of(cls, tokens: Iterable[tuple[Role, str]]) -> Tokens:
        """Tokens, and what each allows."""
        return cls(tuple((_digest(token), role) for role, token in tokens))

    @classmethod
    def read(cls, path: StrPath) -> Tokens:
        """From a file; empty lines and those that begin with # are passed over.

        Raises InputError for a file that cannot be read, ParseError for a line of another form, without its content.
        """
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path=path) from None
        roles: list[tuple[Role, str]] = []
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 2 or words[0] not in ("read", "write"):
                raise ParseError("is neither `read TOKEN` nor `write TOKEN`", path=path, line=number)
            if len(words[1]) < SHORTEST:
                raise ParseError(f"the token has fewer than {SHORTEST} characters", path=path, line=number)
            roles.append(("write" if words[0] == "write" else "read", words[1]))
        if not roles:
            raise ParseError("there is no token: a line is `read TOKEN` or `write TOKEN`", path=path)
        return cls.of(roles)

    def __bool__(self) -> bool:
        return bool(self.roles)

    def role(self, header: str | None) -> Role | None:
        """What the header `Authorization: Bearer TOKEN` allows; None for nothing. It takes as long for every token."""
        if not self.roles:
            return "write"
        scheme, _, token = (header or "").partition(" ")
        given, found = _digest(token.strip()), set[Role]()
        for digest, role in self.roles:
            if hmac.compare_digest(digest, given):
                found.add(role)
        if scheme.lower() != "bearer" or not found:
            return None
        return "write" if "write" in found else "read"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
