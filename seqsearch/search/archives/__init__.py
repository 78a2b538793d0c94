"""A whole index as one portable file, of formats that outlive the one it is kept in: written, and read again."""

from .reading import Archive, restored
from .writing import write_archive

__all__ = ["Archive", "restored", "write_archive"]
