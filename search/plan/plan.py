"""What running a study would do: trials, pictures, time, cost, disk; nothing is started.

Every number is plain data, as `colorsweep plan --json` prints it; `search.plan.text` says the same
to people. What is not known is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from math import ceil, inf
from typing import Any

from colornet.cli_result import count_text
from colornet.config.config import parse_config
from colornet.data.packed import Pack
from colornet.data.packs import open_packs
from colornet.errors import InputError
from search.core.early_stopping import EarlyStopping
from search.plan.disk import checkpoint_bytes, disk, records_bytes
from search.plan.estimate import (
    BETWEEN,
    Count,
    Counts,
    Hours,
    Measured,
    Speed,
    Work,
    hours,
    past_trainings,
)
from search.plan.probe import probe_all
from search.plan.workload import Range, Workload, workload
from search.run.create import check_data, check_writable, free_location
from search.run.resources import Allocation, Capacity, allocate, this_machine
from spaces.study import FEW_ROUNDS, LEARNING, Study

PROBED = 4
"""Points that are probed beside the base config."""


def make_plan(
    study: Study, out: str | None = None, machine: Capacity | None = None, *, probe: bool = False
) -> dict[str, Any]:
    """Check a study as `run` would and work out what it would do.

    Args:
        out: the sweep's folder, as `run` takes it.
        machine: to plan for [this one].
        probe: train a few steps for real, on this machine, to see how long they take.

    Raises:
        InputError: for whatever `run` would refuse.
    """
    location = free_location(study, out)
    check_writable(location)
    resources = study.file.resources
    machine = machine or this_machine()
    share = allocate(machine, resources.gpus, resources.concurrent, resources.workers)
    study, packs = check_data(study)
    load = workload(study)
    counts = [*map(Counts().of, load.configs)] if find_spec("torch") else []
    works = _works(load, counts)
    measured, source, unknown = _measured(study, load, works, share, probe=probe)
    taken = hours(Speed(measured), load, works, share.concurrent) if measured else None
    budgets = _budgets(study, load, taken, share)
    return {
        "study": study.name,
        "question": study.file.question,
        **_design(study, load),
        "pictures": asdict(load.images),
        "data": [_described(pack) for pack in packs],
        "machine": asdict(machine),
        "share": asdict(share),
        "rounds": ceil(len(load.high) / share.concurrent),
        "at_a_time_by": _at_a_time_by(study, load, share),
        "hours": _hours(taken, share, study.file.budget.price_per_gpu_hour),
        "hours_from": source,
        "hours_unknown": unknown,
        "disk": disk(
            location,
            records_bytes([*load.high, *load.confirm], _judged(load, packs), packs[0].image_size),
            max((_checkpoint(load, at, one) for at, one in enumerate(counts)), default=None),
            max((4 * one.generator for one in counts), default=None),
            min(share.concurrent, len(load.high)),
        ),
        "budgets": budgets,
        "ends_by": max(budgets, key=lambda one: one["share"] or 0.0)["budget"],
        "warnings": [*study.notes, *_warnings(study, load, share)],
    }


def is_refused(values: Mapping[str, Any]) -> bool:
    """Whether a plan goes beyond one of its budgets, or the disk."""
    beyond = any(one["share"] is not None and one["share"] > 1 for one in values["budgets"])
    return beyond or values["disk"]["short"] > 0


def _design(study: Study, load: Workload) -> dict[str, Any]:
    file, confirm = study.file, study.file.confirm
    is_compared = file.design == "compare"
    shares = file.stopping.rungs(int(study.base_config["training"]["ticks"]))
    marks = list(zip(shares, EarlyStopping(study).rungs, strict=False))
    if file.stopping.rule == "median":
        marks = marks[:1]  # it judges at every tick from here on
    return {
        "design": file.design,
        "sampler": None if is_compared else file.sampler,
        "stopping": file.stopping.rule,
        "trials": {
            "search": len(load.high),
            "levels": len(study.planned) if is_compared else None,
            "replicates": file.replicates if is_compared else None,
            "rungs": [
                {"share": share, "expected": round(load.at_least(images), 1)}
                for share, images in ([*marks, (1.0, inf)] if marks else [])
            ],
            "confirm": len(load.confirm),
            "confirm_points": len(load.confirm) // confirm.replicates if confirm else 0,
            "confirm_replicates": confirm.replicates if confirm else 0,
        },
    }


def _described(pack: Pack) -> dict[str, Any]:
    summary = pack.summary()
    return {key: summary[key] for key in ("pictures", "splits", "image_size", "bytes", "path")}


def _works(load: Workload, counts: Sequence[Count]) -> list[Work]:
    found = []
    for config, count in zip(load.configs, counts, strict=False):
        packs = open_packs(config)
        looked_at = len(packs.training.indices("val"))
        looked_at += len(packs.common.indices("val")) if packs.common else 0
        found.append(
            Work(
                gmac=count.training_gmac,
                held_out=looked_at,
                tested=len(packs.evaluation.indices("test")),
                checkpoint_every=config.training.checkpoint_every,
            )
        )
    return found


def _judged(load: Workload, packs: Sequence[Pack]) -> int:
    """Held-out pictures of which each trial leaves a row, of all trials the most."""
    each = [
        len(pack.indices("val")) + (len(pack.indices("test")) if load.confirm else 0)
        for pack in packs
    ]
    return max(each)


def _checkpoint(load: Workload, at: int, count: Count) -> int:
    averaged = load.configs[at].optimizer.ema_decay > 0
    return checkpoint_bytes(count.learned, count.generator, averaged=averaged)


def _measured(
    study: Study, load: Workload, works: Sequence[Work], share: Allocation, *, probe: bool
) -> tuple[list[Measured], str | None, str | None]:
    """What trainings take here, where that is known from, or why it is not."""
    if not works:
        return [], None, "work is counted by torch: pip install 'colorsweep[train]'"
    resources = study.file.resources
    try:
        here = allocate(this_machine(), resources.gpus, resources.concurrent, resources.workers)
    except InputError:
        here = None
    if here is None or (here.cpus, here.gpus) != (share.cpus, share.gpus):
        gets = f"{count_text(share.cpus, 'CPU')} and {count_text(share.gpus, 'GPU')}"
        return [], None, f"a trial gets {gets}, which cannot be tried on this machine"
    if probe:
        return _probed(study, load, works, here)
    if past := past_trainings(here):
        return past, f"{count_text(len(past), 'earlier training')} on this machine", None
    return [], None, "no earlier sweep on this machine tells: add --probe"


def _probed(
    study: Study, load: Workload, works: Sequence[Work], here: Allocation
) -> tuple[list[Measured], str | None, str | None]:
    """Train the base config and some points for a few steps."""
    by_work = sorted(range(len(works)), key=lambda at: works[at].gmac)
    count = min(PROBED, len(by_work))
    spread = [by_work[place * (len(by_work) - 1) // max(1, count - 1)] for place in range(count)]
    base = parse_config(study.base_config, study.name)
    base_load = Workload([{}], [base], [], [], [], [])
    configs = [base, *(load.configs[at] for at in spread)]
    chosen = [*_works(base_load, [Counts().of(base)]), *(works[at] for at in spread)]
    found = []
    for number, timed in enumerate(probe_all(configs, here)):
        if timed is not None:
            work = chosen[number % len(chosen)]
            found.append(
                Measured(
                    gmac=work.gmac,
                    picture=timed["seconds_per_picture"],
                    judged=timed["evaluation_seconds"] / work.held_out,
                    diagnosis=timed["diagnosis_seconds"],
                    checkpoint=timed["checkpoint_seconds"],
                    overhead=timed["setup_seconds"] + BETWEEN,
                    start=timed["start_seconds"],
                )
            )
    if not found:
        return [], None, "no probe ran through: see above"
    return found, f"{count_text(len(found), 'probe')}, {here.concurrent} at a time", None


def _at_a_time_by(study: Study, load: Workload, share: Allocation) -> str:
    """What keeps more trials from running at a time."""
    if len(load.high) <= share.concurrent:
        return "trials"
    asked = study.file.resources.concurrent
    if asked != "auto" and asked <= share.concurrent:
        return "resources.concurrent"
    return "GPUs" if share.gpus else "CPUs"


def _hours(taken: Hours | None, share: Allocation, price: float | None) -> dict[str, Any] | None:
    if taken is None:
        return None
    gpu = _scaled(taken.training, share.gpus)
    return {
        "wall": asdict(taken.wall),
        "gpu": asdict(gpu),
        "cost": asdict(_scaled(gpu, price)) if price is not None else None,
    }


def _scaled(one: Range, factor: float) -> Range:
    return Range(one.low * factor, one.expected * factor, one.high * factor)


def _budgets(
    study: Study, load: Workload, taken: Hours | None, share: Allocation
) -> list[dict[str, Any]]:
    """Each budget, what is expected of it, and the share that is; confirmation included."""
    budget = study.file.budget
    gpu_hours = taken.training.expected * share.gpus if taken else None
    price = budget.price_per_gpu_hour
    expected: dict[str, float | None] = {
        "images": load.images.expected,
        "wall_hours": taken.busy.expected if taken else None,
        "gpu_hours": gpu_hours,
        "money": gpu_hours * price if gpu_hours is not None and price is not None else None,
    }
    trials = len(load.high)
    is_whole = budget.trials is not None and trials < budget.trials
    name = "points of the space" if is_whole else "trials"
    found: list[dict[str, Any]] = [
        {"budget": name, "limit": trials, "expected": trials, "share": 1.0}
    ]
    for name, amount in expected.items():
        if (limit := getattr(budget, name)) is not None:
            part = None if amount is None else amount / limit
            found.append({"budget": name, "limit": limit, "expected": amount, "share": part})
    return found


def _warnings(study: Study, load: Workload, share: Allocation) -> list[str]:
    file, found = study.file, []
    startup = LEARNING.get(file.sampler)
    if file.design == "search" and startup is not None:
        learning = max(0, len(load.high) - startup)
        rounds = learning / share.concurrent
        if rounds < FEW_ROUNDS:
            found.append(
                f"{file.sampler} learns in {rounds:.1f} rounds ({count_text(learning, 'trial')} "
                f"after its first {startup}, {share.concurrent} at a time): with fewer than "
                f"{FEW_ROUNDS} it is little better than random"
            )
    asked = file.budget.trials
    if asked is not None and study.trials < asked:
        points = count_text(study.trials, "point")
        found.append(f"the space has {points}, fewer than the {count_text(asked, 'trial')}")
    if not share.gpus:
        for name in ("gpu_hours", "money"):
            if getattr(file.budget, name) is not None:
                found.append(f"budget.{name} cannot bind: trials get no GPU")
    return found
