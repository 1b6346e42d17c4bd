"""Checks of a cluster before a sweep's first trial: what would fail later is refused now."""

import contextlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray.util.state import list_nodes
from ray.util.state.exception import RayStateApiException

from colornet.data.picture_files import format_mismatch
from colornet.errors import ClusterError, InputError, error_summary, os_error_reason
from colornet.storage import Storage

STATE_WAIT = 10
"""Seconds that Ray's state API may take to answer."""
NODE_WAIT = 60.0
"""Seconds that a node has to answer in; a worker process that loads this project may take ten."""


def check_worker_groups(workers: int) -> None:
    """See that trials may span workers on the cluster that Ray is connected to.

    Raises:
        ClusterError: Ray's state API does not answer: what a trial that is stopped early had of the
            cluster would never be free again.
    """
    try:
        here = ray.get_runtime_context().gcs_address  # `auto` would take any Ray of this machine
        list_nodes(here, limit=1, timeout=STATE_WAIT)
    except (RayStateApiException, OSError, ValueError) as error:
        raise ClusterError(
            f"resources.workers: {workers}: trials that span workers need Ray's dashboard, which "
            f"does not answer: {error_summary(error)}.\n"
            "Install ray[default] on the head and start it with --include-dashboard=true."
        ) from error


def check_nodes(location: str, roots: Sequence[str], reads: Sequence[str] | None = None) -> int:
    """See that every node of the cluster that Ray is connected to sees the sweep and its pictures.

    A node that does not answer in time is left to Ray, which gives it no trials either.

    Args:
        location: the sweep's folder or URI, which exists.
        roots: where its pictures are.
        reads: suffixes of the files that are read as pictures here; None: that may differ.

    Returns:
        the number of nodes that have answered.

    Raises:
        InputError: a node does not see one of them, reads other files as pictures, cannot write,
            or does not have this project.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0)]
    checks = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        check = _wrong_here.options(scheduling_strategy=there).remote(location, list(roots), reads)
        checks[check] = node
    ready, _ = ray.wait(list(checks), num_returns=len(checks), timeout=NODE_WAIT)
    for check in ready:
        if wrong := _result(check):
            name = checks[check]["NodeManagerHostname"]
            raise InputError(f"{checks[check]['NodeManagerAddress']} ({name}): {wrong}")
    return len(ready)


def _result(check: Any) -> str | None:
    """What a node has found wrong."""
    try:
        return ray.get(check)
    except ray.exceptions.RuntimeEnvSetupError as error:
        return f"cannot run a trial: {error_summary(error)}."
    except ray.exceptions.RayTaskError as error:
        # Ray puts the remote traceback into the text: its last line is the error.
        why = str(error).strip().splitlines()[-1][:200]
        remedy = "install colorsweep[train] there, or submit with --ship."
        return f"cannot run a trial: {why}: {remedy}"
    except ray.exceptions.RayError:
        return None  # the node has left in the meantime


@ray.remote(num_cpus=0, max_retries=0)  # as it is for one node, another one is no help
def _wrong_here(location: str, roots: list[str], reads: Sequence[str] | None = None) -> str | None:
    """What is wrong on this node, in a sentence with its remedy."""
    storage = Storage.at(location)
    probe = f".colorsweep-{uuid.uuid4().hex}"
    try:
        if not storage.exists("study.yaml"):
            return (
                f"does not see the sweep {location}: give --out a folder that every node shares, "
                "or s3://BUCKET/FOLDER."
            )
        storage.write(probe, b"")
    except OSError as error:
        return f"{location}: cannot be written there: {os_error_reason(error)}: mount it writable."
    finally:
        with contextlib.suppress(OSError):
            storage.delete(probe)
    for root in roots:
        if "://" not in root and not os.path.exists(root):
            return (
                f"does not see the pictures {root}: put them where every node does: "
                f"colorsweep data pack {root} -o URI."
            )
        if reads is not None and (wrong := format_mismatch(Path(root), reads)):
            return wrong
    return None
