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
from search.cluster.auth import check_version, connect, current_token, exposed_paths, is_open
from search.cluster.checks import GIB, Check, check_nodes
from search.cluster.cluster_probe import probe_nodes
from search.cluster.node_probe import LIBRARIES, free_bytes, installed_version
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
    results = [*_libraries(), *_modes(), _authentication()]
    try:
        if address is None:
            results += _machine(storage, data, image_size)
        else:
            results += _cluster(address, storage, data, image_size)
    except ClusterError as error:
        if address is None:
            raise
        problem, _, remedy = str(error).removeprefix(f"{redact(address)}: ").rpartition(": ")
        remedy = remedy if problem else ""
        results.append(Check("cluster", problem or str(error), remedy, failed=True))
        return results, error.exit_code
    return results, 2 if any(check.failed for check in results) else 0


def _libraries() -> Iterator[Check]:
    """Python and what this project needs, as its own metadata says."""
    python, is_old = platform.python_version(), sys.version_info < OLDEST_PYTHON
    yield Check("Python", python, "install Python 3.11 or newer" if is_old else "", failed=is_old)
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Check("libraries", "colorsweep is not installed", "pip install -e .")
        return
    problems = [text for line in requirements if (text := _wrong_version(Requirement(line)))]
    for problem in problems:
        yield Check("libraries", problem, "pip install 'colorsweep[train]'", failed=True)
    if not problems:
        versions = ", ".join(
            f"{name} {metadata.version(name)}" for name in ("ray", "torch", "optuna")
        )
        yield Check("libraries", versions)


def _wrong_version(requirement: Requirement) -> str | None:
    """What is wrong with one library that running a sweep needs."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": "train"}):
        return None
    version = installed_version(requirement.name)
    if version is None:
        return f"{requirement.name} is missing"
    # A development build, such as torch's nightly, is newer than the release that is asked for.
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} {version} is not {requirement.specifier}"


def _modes() -> Iterator[Check]:
    """What others can read of Ray's token."""
    exposed = exposed_paths()
    for path, mode, wanted in exposed:
        remedy = f"chmod {wanted:o} {path}"
        yield Check("token file", f"{path} has mode {mode:04o}", remedy)
    if not exposed:
        yield Check("token file", "no one else can read it")


def _authentication() -> Check:
    token = current_token()
    if token.mode == "disabled":
        text = "off, and Ray's ports are open on all interfaces: whoever reaches them can run code"
        return Check("token", text, "unset RAY_AUTH_MODE")
    if token.value:
        text = f"from {token.source}; leave it on, Ray's ports are open on all interfaces"
        return Check("token", text)
    text = "none here: `ray start` would open its ports, on all interfaces, to everybody"
    return Check("token", text, "ray get-auth-token --generate, and chmod 600")


def _machine(storage: str | None, data: str | None, image_size: int) -> list[Check]:
    from search.records.reader import sweeps_folder

    nodes = probe_nodes(None, storage, data)["nodes"]
    sweeps = sweeps_folder().absolute()
    free = free_bytes(str(sweeps))
    usage = Check("usage stats", "not sent")
    if os.environ.get("RAY_USAGE_STATS_ENABLED") != "0":
        text = "`ray start` sends Ray's usage statistics"
        usage = Check("usage stats", text, "export RAY_USAGE_STATS_ENABLED=0")
    return [
        Check("CPUs", f"{this_machine().cpus}, as Ray counts them"),
        *_resources(nodes, storage, data, image_size),
        Check(
            "sweeps",
            f"{free / GIB:.1f} GiB free at {sweeps}",
            "set COLORSWEEP_OUT to a larger disk" if free < checks.LOW_DISK else "",
        ),
        usage,
    ]


def _cluster(address: str, storage: str | None, data: str | None, image_size: int) -> list[Check]:
    endpoint = connect(address)
    if endpoint.kind == "gcs":
        check_version(endpoint)  # Ray would not let a driver in
    token = Check("cluster token", "our token is right")
    if is_open(endpoint):
        text = "needs no token, and its ports are open on all interfaces"
        token = Check("cluster token", text, "start it with RAY_AUTH_MODE=token on every node")
    probed = probe_nodes(endpoint, storage, data)
    here = {name: installed_version(name) for name in LIBRARIES}
    here["python"] = platform.python_version()
    nodes = [node for node in probed["nodes"] if not node["silent"]]
    return [
        Check("cluster", f"Ray {endpoint.ray} at {endpoint.address}"),
        token,
        *check_nodes(probed["nodes"], checks.response),
        *check_nodes(nodes, lambda node: checks.versions(node, here)),
        *check_nodes(nodes, lambda node: checks.packages(node, here)),
        checks.state_api(probed["state_api"]),
        *_resources(nodes, storage, data, image_size),
        *(checks.clocks(nodes) if nodes else []),
    ]


def _resources(
    nodes: Sequence[Mapping[str, Any]], storage: str | None, data: str | None, image_size: int
) -> list[Check]:
    """What trials need on every node, and where pictures, their packs and sweeps are."""
    pack = checks.pack_bytes(nodes, image_size)
    results = [*check_nodes(nodes, checks.gpus), *check_nodes(nodes, checks.memory)]
    results += check_nodes(nodes, checks.shared_memory)
    results += check_nodes(nodes, lambda node: checks.disk(node, pack))
    if storage is not None:
        results += check_nodes(nodes, lambda node: checks.storage(node, storage))
    if data is not None:
        results += check_nodes(nodes, lambda node: checks.pictures(node, data))
    if pack is not None:
        text = f"{pack / GIB:.1f} GiB packed at {image_size} px, on each node's disk"
        results.append(Check("pack", text))
    return results
