"""What wheels take along where it is there: man pages, shell completion, and machine code, which names its Python."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedData(BuildHookInterface[Any]):
    """build/share of the repository is share/ of the environment that the wheel is installed into."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is made."""
        if version == "editable":
            return
        if (Path(self.root) / "build" / "share").is_dir():
            build_data["shared_data"]["build/share"] = "share"
        if any((Path(self.root) / "seqsearch" / "_kernels").glob("*.nbc")):
            build_data["pure_python"] = False
            build_data["tag"] = f"{_PYTHON}-{_PYTHON}-{_platform()}"


_PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"


def _platform() -> str:
    """Machine code of kernels calls nothing of the system, so that no newer one is needed than Python and numba ask."""
    if sys.platform.startswith("linux"):
        return f"manylinux_2_17_{platform.machine()}"
    from packaging.tags import sys_tags

    return next(sys_tags()).platform
