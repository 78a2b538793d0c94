"""The command line: one file a command. `main` is the one place that turns errors into exit codes."""

from .main import main

__all__ = ["main"]
