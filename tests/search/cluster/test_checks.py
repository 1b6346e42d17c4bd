"""What is made of what was found on nodes; nothing here needs a cluster."""

from typing import Any

import pytest

from search.cluster import checks
from search.cluster.checks import GIB, Check, check_nodes
from search.cluster.node_probe import LIBRARIES

HERE: dict[str, str | None] = {
    "python": "3.11.7",
    **{"ray": "2.60.0", "torch": "2.13.0", "optuna": "5.0.0", "colorsweep": "0.1.0"},
}


def node(address: str = "10.0.0.1", **changes: Any) -> dict[str, Any]:
    """A node on which all is well."""
    versions = {name: HERE.get(name) or "1.0" for name in LIBRARIES}
    return {
        "address": address,
        "head": False,
        "silent": False,
        "resources": {"CPU": 4.0, "GPU": 1.0},
        "host": "node",
        "python": "3.11.7",
        "versions": versions,
        "missing": [],
        "cards": [["NVIDIA H100", 80 * GIB]],
        "driver_cards": 1,
        "memory": {"total": 64 * GIB, "available": 50 * GIB},
        "shm": 8 * GIB,
        "cache": {"path": "/cache", "free": 100 * GIB},
        "data": {"found": True, "pictures": 1000, "more": False},
        "clock": 0.0,
        "writes": None,
        "reads": None,
        "reads_of": "10.0.0.2",
        **changes,
    }


def versions(**changes: str | None) -> dict[str, Any]:
    return {"versions": {**node()["versions"], **changes}}


JUDGES = {
    "response": checks.response,
    "versions": lambda node: checks.versions(node, HERE),
    "packages": lambda node: checks.packages(node, HERE),
    "cards": checks.gpus,
    "memory": checks.memory,
    "shm": checks.shared_memory,
    "disk": lambda node: checks.disk(node, GIB),
    "storage": lambda node: checks.storage(node, "/shared"),
    "pictures": lambda node: checks.pictures(node, "/shared/photos"),
}


@pytest.mark.parametrize("name", JUDGES)
def test_a_node_that_is_well(name: str) -> None:
    check = JUDGES[name](node())
    assert (check.state, check.remedy) == ("ok", "")


@pytest.mark.parametrize(
    ("judge", "changes", "state", "found", "remedy"),
    [
        ("response", {"silent": True}, "failed", "does not respond", "ray status"),
        ("versions", versions(ray="2.59.0"), "failed", "here Ray 2.60.0", "ray==2.59.0"),
        ("versions", {"python": "3.12.1"}, "failed", "here Ray 2.60.0, Python 3.11.7", "3.12.1"),
        ("packages", versions(torch=None), "failed", "without torch", "colorsweep[train]"),
        ("packages", {"missing": ["search"]}, "warning", "without search", "--ship"),
        ("packages", versions(torch="2.8.0"), "warning", "2.8.0 (here 2.13.0)", "same version"),
        ("cards", {"cards": []}, "failed", "torch sees 0 of 1 card", "CUDA"),
        ("cards", {"resources": {"GPU": 0.0}}, "warning", "Ray counts 0", "--num-gpus 1"),
        ("memory", {"memory": {"total": GIB, "available": GIB}}, "warning", "1.0 of 1.0", "fewer"),
        ("shm", {"shm": GIB // 16}, "warning", "0.1 GiB", "--shm-size"),
        ("disk", {"cache": {"path": "/c", "free": GIB // 2}}, "failed", "/c", "data.image_size"),
        ("disk", {"cache": {"path": "/c", "free": GIB}}, "warning", "1.0 GiB", "COLORSWEEP_CACHE"),
        ("storage", {"writes": "Read-only file system"}, "failed", "Read-only", "writable"),
        ("storage", {"reads": "No such file"}, "failed", "what 10.0.0.2 wrote: No", "shares"),
        ("pictures", {"data": {"found": False}}, "failed", "is not there", "data pack"),
    ],
)
def test_what_is_wrong_has_a_remedy(
    judge: str, changes: dict[str, Any], state: str, found: str, remedy: str
) -> None:
    check = JUDGES[judge](node(**changes))
    assert check.state == state
    assert found in check.finding
    assert remedy in check.remedy


def test_what_was_not_asked_is_not_judged() -> None:
    asked_nothing = {**node(), "data": None}
    del asked_nothing["writes"]
    assert checks.storage(asked_nothing, "/shared") is None
    assert checks.pictures(asked_nothing, "/photos") is None
    assert check_nodes([asked_nothing], lambda node: checks.pictures(node, "/p")) == []


def test_no_node() -> None:
    assert check_nodes([], checks.memory) == []


def test_nodes_that_are_well_share_a_line() -> None:
    nodes = [node("10.0.0.1"), node("10.0.0.2"), node("10.0.0.3", memory=node()["memory"])]
    nodes[1]["memory"] = {"total": 8 * GIB, "available": GIB}
    lines = check_nodes(nodes, checks.memory)
    assert [line.state for line in lines] == ["ok", "warning"]
    assert lines[0].finding == "2 nodes: 50.0 of 64.0 GiB free"
    assert lines[1].finding == "10.0.0.2: 1.0 of 8.0 GiB free"


def test_this_machine_has_no_address() -> None:
    (line,) = check_nodes([node("")], checks.memory)
    assert line.finding == "50.0 of 64.0 GiB free"


def test_clocks_are_compared_with_each_other() -> None:
    assert [line.state for line in checks.clocks([node(clock=-90.0)])] == ["ok"]
    nodes = [node("a", clock=5.0), node("b", clock=5.5), node("c", clock=9.0)]
    lines = checks.clocks(nodes)
    assert [line.state for line in lines] == ["ok", "warning"]
    assert lines[1].finding == "c: +3.5 s off the median"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, None),
        ({"found": False, "pictures": None}, None),
        ({"found": True, "pictures": 0, "more": False}, None),
        ({"found": True, "pictures": 10, "more": False}, 10 * 64 * 64 * 3),
    ],
)
def test_the_size_of_a_pack(data: Any, expected: int | None) -> None:
    assert checks.pack_bytes([node(data=None), node(data=data)], 64) == expected


def test_the_state_api_is_asked_for_a_reason() -> None:
    assert checks.state_api(None) == Check("State API", "responds")
    silent = checks.state_api("refused")
    assert silent.state == "warning"
    assert "over several workers" in silent.finding
    assert "dashboard" in silent.remedy
