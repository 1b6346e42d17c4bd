"""What `doctor` concludes about a machine or a cluster's nodes from what `node_probe` reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Literal

from colornet.cli_result import count_text

State = Literal["ok", "warning", "failed"]
Node = Mapping[str, Any]
GIB = 2**30
LOW_DISK = 2 * GIB
"""Bytes: less than the packed pictures of a small data set."""
LOW_MEMORY = 2 * GIB
"""Bytes: less than one trial with torch and its pictures in memory takes."""
LOW_SHM = GIB
"""Bytes of /dev/shm below which Ray's object store falls back to the disk."""
MAX_SKEW = 2.0
"""Seconds by which the clocks of two nodes may differ: attempts on different nodes are ordered by
their clocks."""


@dataclass(frozen=True)
class Check:
    """One line of `doctor`: a warning where there is something to do, unless it failed.

    Attributes:
        finding: what was seen.
        remedy: what to do, empty where all is well.
    """

    name: str
    finding: str
    remedy: str = ""
    failed: bool = False

    @property
    def state(self) -> State:
        """`ok`, `warning` or `failed`."""
        if self.failed:
            return "failed"
        return "warning" if self.remedy else "ok"


def check_nodes(nodes: Sequence[Node], check: Callable[[Node], Check | None]) -> list[Check]:
    """One line for all nodes that are well, and one for each that is not.

    Args:
        check: gives None for a node that it does not apply to.
    """
    results = [(node, result) for node in nodes if (result := check(node)) is not None]
    if len(nodes) == 1 and not nodes[0]["address"]:  # this machine, which is no node of a cluster
        return [result for _, result in results]
    lines = []
    if well := [result for _, result in results if result.state == "ok"]:
        texts = list(dict.fromkeys(result.finding for result in well))
        findings = "; ".join(texts[:3]) + ("; …" if len(texts) > 3 else "")
        lines.append(Check(well[0].name, f"{count_text(len(well), 'node')}: {findings}"))
    return lines + [
        replace(result, finding=f"{node['address']}: {result.finding}")
        for node, result in results
        if result.state != "ok"
    ]


def response(node: Node) -> Check:
    """Whether a node responds."""
    if node.get("silent"):
        remedy = "see `ray status` on the head: the node is overloaded, or its disk is full"
        return Check("nodes", "does not respond within a minute", remedy, failed=True)
    role = "head" if node["head"] else "worker"
    cpus = (node.get("resources") or {}).get("CPU", 0)
    return Check("nodes", f"{role}, {count_text(cpus, 'CPU')}")


def versions(node: Node, here: Mapping[str, str | None]) -> Check:
    """Whether a node runs this process's Ray and Python.

    Args:
        here: of this process, `python` among them.
    """
    ray, python = node["versions"]["ray"], node["python"]
    there = f"Ray {ray}, Python {python}"
    minors = [str(version).split(".")[:2] for version in (python, here["python"])]
    if ray == here["ray"] and minors[0] == minors[1]:
        return Check("versions", there)
    remedy = f"install ray=={ray} and Python {python} here, or bring the node to this machine's"
    both = f"{there}; here Ray {here['ray']}, Python {here['python']}"
    return Check("versions", both, remedy, failed=True)


def packages(node: Node, here: Mapping[str, str | None]) -> Check:
    """Whether this project and what it trains with are installed."""
    there, install = node["versions"], "install there: pip install 'colorsweep[train]'"
    if absent := [name for name in ("torch", "kornia", "safetensors") if there[name] is None]:
        return Check("packages", f"without {', '.join(absent)}", install, failed=True)
    if node["missing"]:
        remedy = f"submit with --ship, or {install}"
        return Check("packages", f"without {', '.join(node['missing'])}", remedy)
    other = [name for name in ("colorsweep", "torch", "optuna") if there[name] != here[name]]
    if other:
        differs = ", ".join(f"{name} {there[name]} (here {here[name]})" for name in other)
        return Check("packages", differs, "install the same version on both sides")
    return Check("packages", f"colorsweep {there['colorsweep']}, torch {there['torch']}")


def gpus(node: Node) -> Check:
    """GPUs as torch, the driver and Ray see them."""
    seen, installed = node["cards"], node["driver_cards"]
    if installed > len(seen):
        text = f"torch sees {len(seen)} of {count_text(installed, 'card')}"
        remedy = "install torch for CUDA as pytorch.org/get-started says for the driver"
        return Check("GPUs", text, remedy, failed=True)
    text = ", ".join(f"{name} {memory / GIB:.0f} GiB" for name, memory in seen) or "none"
    counted = (node.get("resources") or {}).get("GPU")
    if counted is not None and counted != len(seen):
        remedy = f"start Ray there with --num-gpus {len(seen)}"
        return Check("GPUs", f"{text}; Ray counts {counted:g}", remedy)
    return Check("GPUs", text)


def memory(node: Node) -> Check:
    """Free memory."""
    free, total = node["memory"]["available"], node["memory"]["total"]
    remedy = "run fewer trials at a time: resources.concurrent" if free < LOW_MEMORY else ""
    return Check("memory", f"{free / GIB:.1f} of {total / GIB:.1f} GiB free", remedy)


def shared_memory(node: Node) -> Check:
    """Room for Ray's object store."""
    remedy = "give the container more: --shm-size 4g" if node["shm"] < LOW_SHM else ""
    return Check("/dev/shm", f"{node['shm'] / GIB:.1f} GiB free", remedy)


def disk(node: Node, pack: int | None) -> Check:
    """Room for the packed pictures on a node's own disk.

    Args:
        pack: bytes of the packed pictures, None if unknown.
    """
    free = node["cache"]["free"]
    text = f"{free / GIB:.1f} GiB free at {node['cache']['path']}"
    remedy = "set COLORSWEEP_CACHE to a larger disk"
    if pack is not None and pack > free:
        text += f", and the packed pictures take {pack / GIB:.1f}"
        remedy += ", or lower data.fraction or data.image_size"
        return Check("disk", text, remedy, failed=True)
    return Check("disk", text, remedy if free < LOW_DISK else "")


def storage(node: Node, location: str) -> Check | None:
    """Whether a node can write to the sweeps' storage, and sees what another node has written."""
    if "writes" not in node:
        return None
    if node["writes"]:
        text = f"{location} cannot be written: {node['writes']}"
        remedy = "mount it there writable, or name storage that every node can write"
        return Check("storage", text, remedy, failed=True)
    if node["reads"]:
        text = f"{location} does not show what {node['reads_of']} wrote: {node['reads']}"
        remedy = "name storage that every node shares: a network folder or s3://BUCKET/FOLDER"
        return Check("storage", text, remedy, failed=True)
    return Check("storage", f"{location} written and read")


def pictures(node: Node, path: str) -> Check | None:
    """Whether a node sees the pictures."""
    if node["data"] is None:
        return None
    if not node["data"]["found"]:
        remedy = f"put them where every node sees them: colorsweep data pack {path} -o SHARED"
        return Check("data", f"{path} is not there", remedy, failed=True)
    count = node["data"]["pictures"]
    more = "more than " if node["data"].get("more") else ""
    return Check("data", f"{path}, {more}{count_text(count, 'picture')}" if count else path)


def pack_bytes(nodes: Sequence[Node], image_size: int) -> int | None:
    """Bytes of the packed pictures, from what the nodes counted; None where none were counted."""
    counts = [(node.get("data") or {}).get("pictures") or 0 for node in nodes]
    return max(counts, default=0) * image_size**2 * 3 or None


def clocks(nodes: Sequence[Node]) -> list[Check]:
    """How far the nodes' clocks are apart."""
    middle = median(node["clock"] for node in nodes)

    def check(node: Node) -> Check:
        skew = node["clock"] - middle
        if abs(skew) > MAX_SKEW:
            return Check("clock", f"{skew:+.1f} s off the median", "set it by NTP: chronyd")
        return Check("clock", f"within {MAX_SKEW:g} s")

    return check_nodes(nodes, check)


def state_api(error: str | None) -> Check:
    """Whether Ray's State API responds, which the head's dashboard serves."""
    if error is None:
        return Check("State API", "responds")
    return Check(
        "State API",
        f"does not respond ({error[:80]}): trials over several workers, once stopped early, would "
        "never free their resources",
        "start the head with its dashboard: pip install 'ray[default]', --include-dashboard=true",
    )
