"""Man pages and shell completion go into a wheel where `make man` has made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedData(BuildHookInterface[Any]):
    """build/share of the repository is share/ of the environment that the wheel is installed into."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is made."""
        if (Path(self.root) / "build" / "share").is_dir() and version != "editable":
            build_data["shared_data"]["build/share"] = "share"
