"""What `doctor` makes of a machine or of a cluster's nodes, as `node_probe` found them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from colornet.cli_result import count_text

State = Literal["ok", "warning", "failed"]
Node = Mapping[str, Any]
GIB = 2**30
LITTLE_DISK = 2 * GIB
LITTLE_MEMORY = 2 * GIB
LITTLE_SHM = GIB
"""Bytes of /dev/shm below which Ray's object store falls back to the disk."""
MOST_SKEW = 2.0
"""Seconds by which the clocks of two nodes may differ."""


@dataclass(frozen=True)
class Check:
    """One line of `doctor`.

    Attributes:
        found: what was seen.
        remedy: what to do, empty where all is well.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def over_nodes(
    name: str, nodes: Sequence[Node], judge: Callable[[Node], Check | None]
) -> list[Check]:
    """One line for all nodes that are well, and one for each that is not.

    Args:
        judge: gives None for a node that it says nothing of.
    """
    judged = [(node, check) for node in nodes if (check := judge(node)) is not None]
    well = list(dict.fromkeys(check.found for _, check in judged if check.state == "ok"))
    count = sum(check.state == "ok" for _, check in judged)
    lines = []
    if count:
        shown = "; ".join(well[:3]) + ("; …" if len(well) > 3 else "")
        several = f"{count_text(count, 'node')}: {shown}"
        lines.append(Check(name, "ok", shown if _is_alone(nodes) else several))
    for node, check in judged:
        if check.state != "ok":
            found = check.found if _is_alone(nodes) else f"{node['address']}: {check.found}"
            lines.append(Check(name, check.state, found, check.remedy))
    return lines


def _is_alone(nodes: Sequence[Node]) -> bool:
    """Whether it is this machine that was looked at, which has no address in a cluster."""
    return len(nodes) == 1 and not nodes[0]["address"]


def silence(node: Node) -> Check:
    """Whether a node answers."""
    if node.get("silent"):
        return Check(
            "nodes",
            "failed",
            "does not answer within a minute",
            "see `ray status` on the head: the node is overloaded, or its disk is full",
        )
    role = "head" if node["head"] else "worker"
    resources = node.get("resources") or {}
    return Check("nodes", "ok", f"{role}, {count_text(resources.get('CPU', 0), 'CPU')}")


def versions(node: Node, here: Mapping[str, str | None]) -> Check:
    """Whether a node runs this process's Ray and Python.

    Args:
        here: of this process, `python` among them.
    """
    ray, python = node["versions"]["ray"], node["python"]
    found = f"Ray {ray}, Python {python}"
    minors = [str(one).split(".")[:2] for one in (python, here["python"])]
    if ray == here["ray"] and minors[0] == minors[1]:
        return Check("versions", "ok", found)
    return Check(
        "versions",
        "failed",
        f"{found}; here Ray {here['ray']}, Python {here['python']}",
        f"install ray=={ray} and Python {python} here, or bring the node to this machine's",
    )


def packages(node: Node, here: Mapping[str, str | None]) -> Check:
    """Whether this project and what it trains with are installed."""
    found = node["versions"]
    libraries = [name for name in ("torch", "kornia", "safetensors") if found[name] is None]
    if libraries:
        return Check(
            "packages",
            "failed",
            f"without {', '.join(libraries)}",
            "install there: pip install 'colorsweep[train]'",
        )
    if node["missing"]:
        return Check(
            "packages",
            "warning",
            f"without {', '.join(node['missing'])}",
            "submit with --ship, or install there: pip install 'colorsweep[train]'",
        )
    other = [name for name in ("colorsweep", "torch", "optuna") if found[name] != here[name]]
    if other:
        differs = ", ".join(f"{name} {found[name]} (here {here[name]})" for name in other)
        return Check("packages", "warning", differs, "install the same version on both sides")
    return Check("packages", "ok", f"colorsweep {found['colorsweep']}, torch {found['torch']}")


def cards(node: Node) -> Check:
    """GPUs as torch, the driver and Ray see them."""
    seen, there = node["cards"], node["driver_cards"]
    if there > len(seen):
        return Check(
            "GPUs",
            "failed",
            f"torch sees {len(seen)} of {count_text(there, 'card')}",
            "install torch for CUDA as pytorch.org/get-started says for the driver",
        )
    found = ", ".join(f"{name} {memory / GIB:.0f} GiB" for name, memory in seen) or "none"
    counted = (node.get("resources") or {}).get("GPU")
    if counted is not None and counted != len(seen):
        return Check(
            "GPUs",
            "warning",
            f"{found}; Ray counts {counted:g}",
            f"start Ray there with --num-gpus {len(seen)}",
        )
    return Check("GPUs", "ok", found)


def memory(node: Node) -> Check:
    """Memory that is free."""
    free, total = node["memory"]["available"], node["memory"]["total"]
    found = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    if free < LITTLE_MEMORY:
        return Check("memory", "warning", found, "run fewer trials at a time: resources.concurrent")
    return Check("memory", "ok", found)


def shared_memory(node: Node) -> Check:
    """Room for Ray's object store."""
    found = f"{node['shm'] / GIB:.1f} GiB free"
    if node["shm"] < LITTLE_SHM:
        return Check("/dev/shm", "warning", found, "give the container more: --shm-size 4g")
    return Check("/dev/shm", "ok", found)


def disk(node: Node, pack: int | None) -> Check:
    """Room for the packed pictures on a node's own disk.

    Args:
        pack: their bytes, None where they are not known.
    """
    free, path = node["cache"]["free"], node["cache"]["path"]
    found = f"{free / GIB:.1f} GiB free at {path}"
    if pack is not None and pack > free:
        return Check(
            "disk",
            "failed",
            f"{found}, and the packed pictures take {pack / GIB:.1f}",
            "set COLORSWEEP_CACHE to a larger disk, or lower data.fraction or data.image_size",
        )
    if free < LITTLE_DISK:
        return Check("disk", "warning", found, "set COLORSWEEP_CACHE to a larger disk")
    return Check("disk", "ok", found)


def storage(node: Node, place: str) -> Check | None:
    """Whether a node can write where sweeps go, and sees what another node has written."""
    if "writes" not in node:
        return None
    if node["writes"]:
        return Check(
            "storage",
            "failed",
            f"{place} cannot be written: {node['writes']}",
            "mount it there writable, or name storage that every node can write",
        )
    if node["reads"]:
        return Check(
            "storage",
            "failed",
            f"{place} does not show what {node['reads_of']} wrote: {node['reads']}",
            "name storage that every node shares: a network folder or s3://BUCKET/FOLDER",
        )
    return Check("storage", "ok", f"{place} written and read")


def pictures(node: Node, path: str) -> Check | None:
    """Whether a node sees the pictures."""
    if node["data"] is None:
        return None
    if not node["data"]["found"]:
        return Check(
            "data",
            "failed",
            f"{path} is not there",
            f"put them where every node sees them: colorsweep data pack {path} -o SHARED",
        )
    count = node["data"]["pictures"]
    more = "more than " if node["data"].get("more") else ""
    return Check("data", "ok", f"{path}, {more}{count_text(count, 'picture')}" if count else path)


def pack_bytes(nodes: Sequence[Node], image_size: int) -> int | None:
    """Bytes of the packed pictures, from what the nodes counted; None where none were counted."""
    counts = [(node.get("data") or {}).get("pictures") or 0 for node in nodes]
    most = max(counts, default=0)
    return most * image_size**2 * 3 if most else None


def clocks(nodes: Sequence[Node]) -> list[Check]:
    """How far the nodes' clocks are apart."""
    offsets = [node["clock"] for node in nodes]
    middle = median(offsets)

    def judge(node: Node) -> Check:
        apart = node["clock"] - middle
        if abs(apart) > MOST_SKEW:
            return Check(
                "clock", "warning", f"{apart:+.1f} s beside the others", "set it by NTP: chronyd"
            )
        return Check("clock", "ok", f"within {MOST_SKEW:g} s")

    return over_nodes("clock", nodes, judge)


def state_api(wrong: str | None) -> Check:
    """Whether Ray's State API answers, which lives in the head's dashboard."""
    if wrong is None:
        return Check("State API", "ok", "answers")
    return Check(
        "State API",
        "warning",
        f"does not answer ({wrong[:80]}): trials over several workers, once stopped early, would "
        "keep their place for ever",
        "start the head with its dashboard: pip install 'ray[default]', --include-dashboard=true",
    )
