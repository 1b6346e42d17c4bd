"""How a machine or cluster is shared out among trials, and what this machine has."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colornet.cli_result import count_text
from colornet.errors import InputError

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CARDS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Machine:
    """What there is to train on, a machine or a whole cluster.

    Attributes:
        nodes: CPUs and cards of each node of a cluster; empty for a machine by itself.
    """

    cpus: int
    gpus: float
    nodes: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of_nodes(cls, nodes: Iterable[tuple[int, float]]) -> "Machine":
        """A cluster."""
        whole = tuple(nodes)
        return cls(sum(cpus for cpus, _ in whole), sum(gpus for _, gpus in whole), whole)


@dataclass(frozen=True)
class Share:
    """What one trial gets of the cluster, and how many run at a time.

    Attributes:
        cpus, gpus: of each of its workers.
    """

    cpus: int
    gpus: float
    concurrent: int
    workers: int = 1

    def of_actor(self, assignment: Mapping[str, Any]) -> dict[str, float]:
        """What Ray reserves for a trial's actor.

        With several workers it has none itself: they must always find theirs. The actor imports
        the module of this function, which therefore loads neither Optuna nor Tune.
        """
        if self.workers > 1:
            return {"cpu": 0, "memory": 1}
        alone = assignment["alone"]
        return {"cpu": self.cpus, "gpu": math.ceil(self.gpus) if alone else self.gpus}


def split(machine: Machine, gpus: str | float, concurrent: str | int, workers: int = 1) -> Share:
    """Work out a trial's share.

    Without a GPU a worker gets one CPU; with GPUs one card unless `gpus` says otherwise, and its
    part of its node's CPUs. No more trials run at a time than have room for all of their workers.

    Args:
        gpus, concurrent, workers: as in a study's `resources`: a number, or auto.

    Raises:
        InputError: for more than there is, on which a sweep would wait for ever.
    """
    nodes = machine.nodes or ((machine.cpus, machine.gpus),)
    cards = max(found for _, found in nodes)
    per_worker = (1.0 if cards else 0.0) if gpus == "auto" else float(gpus)
    if per_worker > cards or (per_worker > 1 and per_worker % 1):
        raise InputError(
            f"resources.gpus: {per_worker:g}: {'a node' if machine.nodes else 'the cluster'} has "
            f"{count_text(cards, 'card')}, of which a trial takes a share of one or whole ones."
        )
    fitting = [(cpus, math.floor(own / per_worker) if per_worker else cpus) for cpus, own in nodes]
    each = max(1, min((cpus // slots for cpus, slots in fitting if slots), default=1))
    slots = sum(min(slots, cpus // each) for cpus, slots in fitting)
    if workers > max(1, slots):
        room = f"{count_text(slots, 'worker')} of {count_text(each, 'CPU')}"
        raise InputError(
            f"resources.workers: {workers}: there is room for {room} and "
            f"{count_text(per_worker, 'card')} on {count_text(len(nodes), 'node')}.\n"
            "Give fewer workers, or a larger cluster."
        )
    at_once = slots // workers if concurrent == "auto" else int(concurrent)
    return Share(each, per_worker, max(1, min(at_once, slots // workers)), workers)


def this_machine() -> Machine:
    """The CPUs and cards of this machine, as Ray counts them when it starts here."""
    return Machine(_cpus(), float(_cards()))


def _cpus() -> int:
    """CPUs of the machine, or what the container is allowed."""
    found = os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text().split()
    except (OSError, ValueError):
        return found
    return max(1, int(quota) // int(period)) if quota.isdigit() else found


def _cards() -> int:
    """NVIDIA cards that the driver shows and CUDA_VISIBLE_DEVICES leaves."""
    found = len(list(CARDS.glob("*")))
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return found
    return min(found, len([one for one in named.split(",") if one.strip() not in ("", "-1")]))
