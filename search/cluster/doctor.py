"""Is this machine, or that cluster, ready for a sweep?"""

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from colornet.errors import ClusterError
from colornet.redaction import redact
from search.cluster import checks
from search.cluster.auth import check_version, is_open, loose_modes, reach, this_token
from search.cluster.checks import GIB, Check, over_nodes
from search.cluster.cluster_probe import probe_cluster, probe_here
from search.cluster.node_probe import LIBRARIES, free_bytes
from search.run.resources import this_machine

DISTRIBUTION = "colorsweep"
OLDEST_PYTHON = (3, 11)


def examine(
    address: str | None, storage: str | None, data: str | None, image_size: int
) -> tuple[list[Check], int]:
    """Look at this machine, or with an address at a cluster.

    Args:
        storage, data: a folder or URI where sweeps go, and where pictures are.
        image_size: side at which the pictures would be packed.

    Returns:
        the checks, and the exit code: 0, 2 where something failed, 3 where a cluster cannot be
        reached or refuses us.
    """
    found = [*_libraries(), *_modes(), _authentication()]
    if address is None:
        found += _machine(storage, data, image_size)
        return found, _exit_code(found)
    try:
        found += _cluster(address, storage, data, image_size)
    except ClusterError as error:
        wrong, _, remedy = str(error).removeprefix(f"{redact(address)}: ").rpartition(": ")
        found.append(Check("cluster", "failed", wrong or str(error), remedy if wrong else ""))
        return found, error.exit_code
    return found, _exit_code(found)


def _exit_code(found: Sequence[Check]) -> int:
    return 2 if any(one.state == "failed" for one in found) else 0


def _libraries() -> Iterator[Check]:
    """Python and what this project needs, as its own metadata says."""
    python = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        yield Check("Python", "failed", python, "install Python 3.11 or newer")
    else:
        yield Check("Python", "ok", python)
    try:
        needed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Check("libraries", "warning", "colorsweep is not installed", "pip install -e .")
        return
    wrong = [line for text in needed if (line := _wrong_version(Requirement(text)))]
    for line in wrong:
        yield Check("libraries", "failed", line, "pip install 'colorsweep[train]'")
    if not wrong:
        shown = ", ".join(f"{name} {metadata.version(name)}" for name in ("ray", "torch", "optuna"))
        yield Check("libraries", "ok", shown)


def _wrong_version(needed: Requirement) -> str | None:
    """What is wrong with one library that running a sweep needs."""
    if needed.marker is not None and not needed.marker.evaluate({"extra": "train"}):
        return None
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return f"{needed.name} is missing"
    if needed.specifier.contains(version, prereleases=True):
        return None
    return f"{needed.name} {version} is not {needed.specifier}"


def _modes() -> Iterator[Check]:
    """What others can read of Ray's token."""
    loose = loose_modes()
    for path, mode, wanted in loose:
        remedy = f"chmod {wanted:o} {path}"
        yield Check("token file", "warning", f"{path} has mode {mode:04o}", remedy)
    if not loose:
        yield Check("token file", "ok", "no one else can read it")


def _authentication() -> Check:
    token = this_token()
    if token.mode == "disabled":
        found = "off, and Ray's ports are open on all interfaces: who reaches them can run code"
        return Check("token", "warning", found, "unset RAY_AUTH_MODE")
    if token.value:
        found = f"from {token.source}; leave it on, Ray's ports are open on all interfaces"
        return Check("token", "ok", found)
    found = "none here: `ray start` would open its ports, on all interfaces, to who has none"
    return Check("token", "warning", found, "ray get-auth-token --generate, and chmod 600")


def _usage() -> Check:
    if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0":
        return Check("usage stats", "ok", "not sent")
    found = "`ray start` sends Ray's usage statistics"
    return Check("usage stats", "warning", found, "export RAY_USAGE_STATS_ENABLED=0")


def _machine(storage: str | None, data: str | None, image_size: int) -> list[Check]:
    from search.records.reader import sweeps_folder

    nodes = probe_here(storage, data)["nodes"]
    machine = this_machine()
    sweeps = sweeps_folder().absolute()
    free = free_bytes(str(sweeps))
    little = free < checks.LITTLE_DISK
    return [
        Check("CPUs", "ok", f"{machine.cpus}, as Ray counts them"),
        *over_nodes("GPUs", nodes, checks.cards),
        *over_nodes("memory", nodes, checks.memory),
        *over_nodes("/dev/shm", nodes, checks.shared_memory),
        Check(
            "sweeps",
            "warning" if little else "ok",
            f"{free / GIB:.1f} GiB free at {sweeps}",
            "set COLORSWEEP_OUT to a larger disk" if little else "",
        ),
        *_places(nodes, storage, data, image_size),
        _usage(),
    ]


def _cluster(address: str, storage: str | None, data: str | None, image_size: int) -> list[Check]:
    reached = reach(address)
    if reached.kind == "gcs":
        check_version(reached)  # Ray would not let a driver in
    found = [Check("cluster", "ok", f"Ray {reached.ray} at {reached.address}")]
    if is_open(reached):
        said = "lets in who has no token, and its ports are open on all interfaces"
        remedy = "start it with RAY_AUTH_MODE=token on every node"
        found.append(Check("cluster token", "warning", said, remedy))
    else:
        found.append(Check("cluster token", "ok", "our token is right"))
    probed = probe_cluster(reached, storage, data)
    here = _here()
    nodes = [node for node in probed["nodes"] if not node["silent"]]
    return [
        *found,
        *over_nodes("nodes", probed["nodes"], checks.silence),
        *over_nodes("versions", nodes, lambda node: checks.versions(node, here)),
        *over_nodes("packages", nodes, lambda node: checks.packages(node, here)),
        checks.state_api(probed["state_api"]),
        *over_nodes("GPUs", nodes, checks.cards),
        *over_nodes("memory", nodes, checks.memory),
        *over_nodes("/dev/shm", nodes, checks.shared_memory),
        *_places(nodes, storage, data, image_size),
        *(checks.clocks(nodes) if nodes else []),
    ]


def _here() -> Mapping[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _places(
    nodes: Sequence[Mapping[str, Any]], storage: str | None, data: str | None, image_size: int
) -> list[Check]:
    """Where pictures, their packs and sweeps lie."""
    pack = checks.pack_bytes(nodes, image_size)
    found = over_nodes("disk", nodes, lambda node: checks.disk(node, pack))
    if storage is not None:
        found += over_nodes("storage", nodes, lambda node: checks.storage(node, storage))
    if data is not None:
        found += over_nodes("data", nodes, lambda node: checks.pictures(node, data))
    if pack is not None:
        said = f"{pack / GIB:.1f} GiB packed at {image_size} px, on each node's disk"
        found.append(Check("pack", "ok", said))
    return found
