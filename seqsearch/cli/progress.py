"""Progress of commands: drawn on stderr, unless --quiet."""

from __future__ import annotations

from ..progress import Progress, watched


def progress_for(quiet: bool = False) -> Progress:
    """Bars where stderr is a terminal, lines elsewhere, nothing when `quiet`."""
    return watched(not quiet)
