import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from seqsearch.store import StoreBuilder

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def reliability() -> ModuleType:
    """benchmarks/reliability.py, whose short form runs here."""
    path = Path(__file__).parents[2] / "benchmarks" / "reliability.py"
    spec = importlib.util.spec_from_file_location("reliability", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reliability"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index of a, b and c, closed."""
    from store_cases import dna, points

    with StoreBuilder(tmp_path / "index") as builder:
        builder.append(dna(["a", "b", "c"]), points(3))
        builder.finish().close()
    return tmp_path / "index"
