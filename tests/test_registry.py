"""Tables that other packages may add to, and calls with parameters by name."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from seqsearch.errors import ParameterError, UnknownNameError
from seqsearch.registry import Registry, call

GROUP = "seqsearch.test_tools"


@pytest.fixture
def tools() -> Registry[int]:
    table: Registry[int] = Registry("tool", GROUP)
    table.register("saw", 1)
    table.register("axe", 2)
    return table


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Put a distribution on the path that offers entry points of the group."""

    def add(package: str, points: dict[str, str], source: str = "") -> None:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
        (tmp_path / f"{package}.py").write_text(source)

    monkeypatch.syspath_prepend(tmp_path)
    return add


def test_members_are_a_mapping_in_the_order_of_registration(tools):
    assert dict(tools) == {"saw": 1, "axe": 2}
    assert list(tools) == ["saw", "axe"]
    assert len(tools) == 2
    assert "saw" in tools
    assert "awl" not in tools
    assert tools.get("awl") is None


def test_an_unknown_name_tells_those_there_are(tools):
    with pytest.raises(ParameterError, match="^no tool 'awl': choose one of saw, axe$"):
        tools["awl"]
    with pytest.raises(KeyError):
        tools["awl"]
    assert issubclass(UnknownNameError, ParameterError)


def test_a_taken_name_is_refused_unless_it_is_to_be_replaced(tools):
    assert tools.register("saw", 1) == 1
    with pytest.raises(ParameterError, match="the tool 'saw' is there already: 1"):
        tools.register("saw", 3)
    tools.register("saw", 3, replace=True)
    assert tools["saw"] == 3


def test_another_package_adds_members_by_entry_points(tools, offer):
    offer("toolbox_a", {"rasp": "toolbox_a:RASP", "saw": "toolbox_a:SAW"}, "RASP, SAW = 7, 8")
    assert list(tools) == ["saw", "axe", "rasp"]
    assert len(tools) == 3
    assert "toolbox_a" not in sys.modules, "names are listed without an import"
    assert tools["rasp"] == 7
    assert tools["saw"] == 1, "what code registered comes first"


def test_a_member_that_cannot_be_imported_names_its_package(tools, offer):
    offer("toolbox_b", {"file": "toolbox_b:FILE", "plane": "toolbox_b:PLANE"}, "raise RuntimeError('no licence')")
    assert "file" in tools
    with pytest.raises(ParameterError, match="tool 'file' of the package toolbox_b fails: RuntimeError: no licence"):
        tools["file"]


def test_a_name_that_two_packages_offer_names_both(tools, offer):
    for package in ("toolbox_c", "toolbox_d"):
        offer(package, {"drill": f"{package}:DRILL"}, "DRILL = 9")
    with pytest.raises(ParameterError, match=r"'drill' is offered by toolbox_[cd] and toolbox_[cd]: remove one"):
        tools["drill"]


def test_a_call_names_unknown_and_missing_parameters():
    @dataclass
    class Plan:
        size: int
        seed: int = 0

    assert call(Plan, "a plan", size=3) == Plan(3)
    assert call(Plan, "a plan", 3, seed=1) == Plan(3, 1)
    with pytest.raises(ParameterError, match="^a plan has no parameter 'sede': choose one of size, seed$"):
        call(Plan, "a plan", size=3, sede=1)
    with pytest.raises(ParameterError, match="^a plan has no parameter 'size': choose one of seed$"):
        call(Plan, "a plan", 3, size=4)
    with pytest.raises(ParameterError, match="^a plan needs the parameter 'size'$"):
        call(Plan, "a plan")
    with pytest.raises(ParameterError, match="^a list has no parameter 'x': it takes none$"):
        call(lambda: [], "a list", x=1)


def test_an_error_from_within_a_call_stays_what_it_is():
    def fails(x: int) -> int:
        raise TypeError("something else")

    with pytest.raises(TypeError, match="something else"):
        call(fails, "it", x=1)


def test_importing_it_does_not_read_the_installed_packages():
    code = "import sys, seqsearch.registry; sys.exit('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_member_at_home_is_imported_when_it_is_looked_up(tmp_path, monkeypatch):
    (tmp_path / "toolshed_of_ours.py").write_text("plane = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    table: Registry[int] = Registry("tool", GROUP)
    table.at_home({"plane": "toolshed_of_ours:plane"})
    table.register("axe", 2)
    assert list(table) == ["plane", "axe"]
    assert "plane" in table
    assert "toolshed_of_ours" not in sys.modules
    with pytest.raises(ParameterError, match="the tool 'plane' is there already: 7"):
        table.register("plane", 3)
    assert table["plane"] == 7
    assert dict(table) == {"plane": 7, "axe": 2}


def test_names_of_a_package_are_imported_when_they_are_used():
    program = """
import sys
from seqsearch import distances, search
print([name for name in ("dtw", "overlap", "edit") if f"seqsearch.distances.{name}" in sys.modules], end=" ")
distances.DTWDistance
print([name for name in ("dtw", "overlap", "edit") if f"seqsearch.distances.{name}" in sys.modules], end=" ")
print("seqsearch.search.index" in sys.modules, search.SequenceIndex.__module__)
try:
    distances.Nothing
except AttributeError as error:
    print(error)
assert all(getattr(room, name) is not None for room in (distances, search) for name in room.__all__)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [
        "[] ['dtw'] False seqsearch.search.index",
        "module 'seqsearch.distances' has no attribute 'Nothing'",
    ]
