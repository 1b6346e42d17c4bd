"""How a machine or cluster is shared out among trials, and what this machine has."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from colornet.errors import InputError

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CARDS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Machine:
    """What there is to train on, a machine or a whole cluster."""

    cpus: int
    gpus: float


@dataclass(frozen=True)
class Share:
    """What one trial gets of the cluster, and how many run at a time."""

    cpus: int
    gpus: float
    concurrent: int


def split(machine: Machine, gpus: str | float, concurrent: str | int) -> Share:
    """Work out a trial's share.

    Without a GPU a trial gets one CPU; with GPUs one card unless `gpus` says otherwise, and its
    part of the CPUs.

    Args:
        gpus, concurrent: as in a study's `resources`: a number, or auto.

    Raises:
        InputError: for more cards than there are, on which a sweep would wait for ever.
    """
    cpus, cards = machine.cpus, machine.gpus
    per_trial = (1.0 if cards else 0.0) if gpus == "auto" else float(gpus)
    if per_trial > cards or (per_trial > 1 and per_trial % 1):
        raise InputError(
            f"resources.gpus: {per_trial:g}: the cluster has {cards:g} cards, of which a trial "
            "takes a share of one or whole ones."
        )
    slots = max(1, math.floor(cards / per_trial)) if per_trial else max(1, cpus)
    at_once = slots if concurrent == "auto" else int(concurrent)
    each = max(1, cpus // slots)
    return Share(each, per_trial, max(1, min(at_once, cpus // each)))


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
