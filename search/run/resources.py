"""How a machine or cluster is shared out among trials, and what this machine has."""

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colornet.cli_result import count_text
from colornet.errors import InputError

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of CPU time in each period, and the period; `max` without a limit."""
CARDS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Capacity:
    """What there is to train on, a machine or a whole cluster.

    Attributes:
        nodes: CPUs and GPUs of each node of a cluster; empty for a machine by itself.
    """

    cpus: int
    gpus: float
    nodes: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of_nodes(cls, nodes: Iterable[tuple[int, float]]) -> "Capacity":
        """That of a cluster."""
        whole = tuple(nodes)
        return cls(sum(cpus for cpus, _ in whole), sum(gpus for _, gpus in whole), whole)


@dataclass(frozen=True)
class Allocation:
    """What each trial gets of a capacity, and how many run at a time.

    Attributes:
        cpus, gpus: of each of its workers.
    """

    cpus: int
    gpus: float
    concurrent: int
    workers: int = 1

    def of_actor(self, assignment: Mapping[str, Any]) -> dict[str, float]:
        """What Ray reserves for a trial's actor.

        With several workers it reserves nothing itself, as they must always find their share,
        except a byte of memory, as Tune refuses an empty request. The actor imports the module of
        this function, which therefore loads neither Optuna nor Tune.
        """
        if self.workers > 1:
            return {"cpu": 0, "memory": 1}
        alone = assignment["alone"]
        return {"cpu": self.cpus, "gpu": math.ceil(self.gpus) if alone else self.gpus}


def allocate(
    capacity: Capacity, gpus: str | float, concurrent: str | int, workers: int = 1
) -> Allocation:
    """Work out what each trial gets.

    Without a GPU a worker gets one CPU; with GPUs one card unless `gpus` says otherwise, and its
    part of its node's CPUs. No more trials run at a time than have room for all of their workers.

    Args:
        gpus, concurrent, workers: as in a study's `resources`: a number, or auto.

    Raises:
        InputError: for more than there is, on which a sweep would wait for ever.
    """
    nodes = capacity.nodes or ((capacity.cpus, capacity.gpus),)
    cards = max(of_node for _, of_node in nodes)
    per_worker = (1.0 if cards else 0.0) if gpus == "auto" else float(gpus)
    # Ray takes a part of one GPU, or whole ones, and never parts of two.
    if per_worker > cards or (per_worker > 1 and per_worker % 1):
        raise InputError(
            f"resources.gpus: {per_worker:g}: {'a node' if capacity.nodes else 'the cluster'} has "
            f"{count_text(cards, 'card')}, of which a trial takes a share of one or whole ones."
        )
    # All workers get the same: the CPUs of the node that has the fewest for each of its GPUs.
    by_gpu = [(cpus, math.floor(free / per_worker) if per_worker else cpus) for cpus, free in nodes]
    each = max(1, min((cpus // slots for cpus, slots in by_gpu if slots), default=1))
    slots = sum(min(slots, cpus // each) for cpus, slots in by_gpu)
    if workers > max(1, slots):
        room = f"{count_text(slots, 'worker')} of {count_text(each, 'CPU')}"
        raise InputError(
            f"resources.workers: {workers}: there is room for {room} and "
            f"{count_text(per_worker, 'card')} on {count_text(len(nodes), 'node')}.\n"
            "Give fewer workers, or a larger cluster."
        )
    at_once = slots // workers if concurrent == "auto" else int(concurrent)
    return Allocation(each, per_worker, max(1, min(at_once, slots // workers)), workers)


def this_machine() -> Capacity:
    """The CPUs and NVIDIA cards of this machine, as Ray counts them when it starts here.

    CPUs are those that the container is allowed, cards those that the driver shows and
    CUDA_VISIBLE_DEVICES leaves.
    """
    cpus, cards = os.cpu_count() or 1, len(list(CARDS.glob("*")))
    with contextlib.suppress(OSError, ValueError):
        quota, period = CPU_QUOTA.read_text().split()
        cpus = max(1, int(quota) // int(period)) if quota.isdigit() else cpus
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        listed = [name for name in visible.split(",") if name.strip() not in ("", "-1")]
        cards = min(cards, len(listed))
    return Capacity(cpus, float(cards))
