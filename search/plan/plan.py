"""What running a study takes: trials, pictures, time, cost, disk; nothing is started.

Every number is plain data, as `colorsweep plan --json` prints it; `search.plan.text` writes it for
people. What is unknown is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from itertools import cycle
from math import ceil, inf
from typing import Any

from colornet.cli_result import count_text
from colornet.config.config import Config, parse_config
from colornet.data.packs import open_packs
from colornet.errors import InputError
from search.core.early_stopping import EarlyStopping
from search.core.promotion import most_paused
from search.plan.disk import checkpoint_bytes, disk, records_bytes
from search.plan.estimate import (
    BETWEEN,
    ConfigCost,
    ConfigSize,
    Hours,
    SpeedModel,
    TrainingTimes,
    count_configs,
    hours,
    past_trainings,
)
from search.plan.probe import probe_all
from search.plan.workload import Workload, make_workload
from search.run.create import check_data, check_writable, free_location
from search.run.resources import Allocation, Capacity, allocate, this_machine
from spaces.study import EVERY_TICK, FEW_ROUNDS, STARTUP_TRIALS, Study

PROBED = 4
"""Points that are probed besides the base config, from the cheapest to the most expensive:
between them times are interpolated."""


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
    allocation = allocate(machine, resources.gpus, resources.concurrent, resources.workers)
    study, packs = check_data(study)
    workload = make_workload(study)
    sizes = count_configs(workload.configs) if find_spec("torch") else []
    costs = _costs(workload.configs, sizes)
    measured, source, unknown = _measured(study, workload, costs, allocation, probe=probe)
    estimate = None
    if measured:
        estimate = hours(SpeedModel(measured), workload, costs, allocation.concurrent)
    budgets = _budgets(study, workload, estimate, allocation)
    checkpoints = [
        checkpoint_bytes(size.learned, size.generator, averaged=config.optimizer.ema_decay > 0)
        for config, size in zip(workload.configs, sizes, strict=False)
    ]
    splits = ("val", "test") if workload.confirm else ("val",)
    held_out = max(sum(len(pack.indices(split)) for split in splits) for pack in packs)
    return {
        "study": study.name,
        "question": study.file.question,
        **_design(study, workload),
        "pictures": asdict(workload.images),
        "data": [
            {
                key: pack.summary()[key]
                for key in ("pictures", "splits", "image_size", "bytes", "path")
            }
            for pack in packs
        ],
        "machine": asdict(machine),
        "share": asdict(allocation),
        "rounds": ceil(len(workload.high) / allocation.concurrent),
        "at_a_time_by": _at_a_time_by(study, workload, allocation),
        "hours": _hours(estimate, allocation, study.file.budget.price_per_gpu_hour),
        "hours_from": source,
        "hours_unknown": unknown,
        "disk": disk(
            location,
            records_bytes([*workload.high, *workload.confirm], held_out, packs[0].image_size),
            max(checkpoints, default=None),
            max((4 * size.generator for size in sizes), default=None),
            min(allocation.concurrent, len(workload.high)),
            min(most_paused(study), len(workload.high)),
        ),
        "budgets": budgets,
        "ends_by": max(budgets, key=lambda budget: budget["share"] or 0.0)["budget"],
        "warnings": [*study.notes, *_warnings(study, workload, allocation)],
    }


def is_refused(values: Mapping[str, Any]) -> bool:
    """Whether a plan exceeds one of its budgets, or the disk."""
    exceeds = any((budget["share"] or 0.0) > 1 for budget in values["budgets"])
    return exceeds or values["disk"]["short"] > 0


def _design(study: Study, workload: Workload) -> dict[str, Any]:
    file, confirm = study.file, study.file.confirm
    is_compared = file.design == "compare"
    fractions = file.stopping.rungs(int(study.base_config["training"]["ticks"]))
    rungs = list(zip(fractions, EarlyStopping(study).rungs, strict=False))
    if file.stopping.rule in EVERY_TICK:
        rungs = rungs[:1]  # the first of all those from here on
    return {
        "design": file.design,
        "sampler": None if is_compared else study.sampler,
        "stopping": file.stopping.rule,
        "trials": {
            "search": len(workload.high),
            "levels": len(study.planned) if is_compared else None,
            "replicates": file.replicates if is_compared else None,
            "rungs": [
                {"share": fraction, "expected": round(workload.at_least(images), 1)}
                for fraction, images in ([*rungs, (1.0, inf)] if rungs else [])
            ],
            "confirm": len(workload.confirm),
            "confirm_points": len(workload.confirm) // confirm.replicates if confirm else 0,
            "confirm_replicates": confirm.replicates if confirm else 0,
        },
    }


def _costs(configs: Sequence[Config], sizes: Sequence[ConfigSize]) -> list[ConfigCost]:
    """What each config computes; nothing where torch has not counted them."""
    costs = []
    for config, size in zip(configs, sizes, strict=False):
        packs = open_packs(config)
        held_out = len(packs.training.indices("val"))
        held_out += len(packs.common.indices("val")) if packs.common else 0
        costs.append(
            ConfigCost(
                gmac=size.training_gmac,
                held_out=held_out,
                tested=len(packs.evaluation.indices("test")),
                checkpoint_every=config.training.checkpoint_every,
            )
        )
    return costs


def _measured(
    study: Study,
    workload: Workload,
    costs: Sequence[ConfigCost],
    allocation: Allocation,
    *,
    probe: bool,
) -> tuple[list[TrainingTimes], str | None, str | None]:
    """How long trainings take here, and where that is from, or why it is unknown."""
    if not costs:
        return [], None, "work is counted by torch: pip install 'colorsweep[train]'"
    resources = study.file.resources
    try:
        here = allocate(this_machine(), resources.gpus, resources.concurrent, resources.workers)
    except InputError:
        here = None
    if here is None or (here.cpus, here.gpus) != (allocation.cpus, allocation.gpus):
        each = f"{count_text(allocation.cpus, 'CPU')} and {count_text(allocation.gpus, 'GPU')}"
        return [], None, f"a trial gets {each}, which cannot be tried on this machine"
    if not probe:
        past = past_trainings(here)
        source = f"{count_text(len(past), 'earlier training')} on this machine"
        unknown = "there is no earlier sweep on this machine: add --probe"
        return past, source if past else None, None if past else unknown
    probed = _probe(study, workload, costs, here)
    source = f"{count_text(len(probed), 'probe')}, {here.concurrent} at a time"
    return probed, source if probed else None, None if probed else "every probe failed: see above"


def _probe(
    study: Study, workload: Workload, costs: Sequence[ConfigCost], here: Allocation
) -> list[TrainingTimes]:
    """Train the base config and some points for a few steps."""
    by_cost = sorted(range(len(costs)), key=lambda index: costs[index].gmac)
    count = min(PROBED, len(by_cost))
    spread = [by_cost[step * (len(by_cost) - 1) // max(1, count - 1)] for step in range(count)]
    base = parse_config(study.base_config, study.name)
    configs = [base, *(workload.configs[index] for index in spread)]
    probed_costs = [*_costs([base], count_configs([base])), *(costs[index] for index in spread)]
    return [
        TrainingTimes(
            gmac=cost.gmac,
            picture=timing["seconds_per_picture"],
            judged=timing["evaluation_seconds"] / cost.held_out,
            diagnosis=timing["diagnosis_seconds"],
            checkpoint=timing["checkpoint_seconds"],
            overhead=timing["setup_seconds"] + BETWEEN,
            start=timing["start_seconds"],
        )
        for timing, cost in zip(probe_all(configs, here), cycle(probed_costs), strict=False)
        if timing is not None
    ]


def _at_a_time_by(study: Study, workload: Workload, allocation: Allocation) -> str:
    """What keeps more trials from running at a time."""
    if len(workload.high) <= allocation.concurrent:
        return "trials"
    concurrent = study.file.resources.concurrent
    if concurrent != "auto" and concurrent <= allocation.concurrent:
        return "resources.concurrent"
    return "GPUs" if allocation.gpus else "CPUs"


def _hours(
    estimate: Hours | None, allocation: Allocation, price: float | None
) -> dict[str, Any] | None:
    if estimate is None:
        return None
    gpu = {bound: allocation.gpus * value for bound, value in asdict(estimate.training).items()}
    cost = None if price is None else {bound: price * value for bound, value in gpu.items()}
    return {"wall": asdict(estimate.wall), "gpu": gpu, "cost": cost}


def _budgets(
    study: Study, workload: Workload, estimate: Hours | None, allocation: Allocation
) -> list[dict[str, Any]]:
    """Each budget, what is expected of it, and as a fraction; confirmation included."""
    budget = study.file.budget
    gpu_hours = estimate.training.expected * allocation.gpus if estimate else None
    price = budget.price_per_gpu_hour
    expected: dict[str, float | None] = {
        "images": workload.images.expected,
        "wall_hours": estimate.busy.expected if estimate else None,
        "gpu_hours": gpu_hours,
        "money": gpu_hours * price if gpu_hours is not None and price is not None else None,
    }
    trials = len(workload.high)
    is_whole = budget.trials is not None and trials < budget.trials
    name = "points of the space" if is_whole else "trials"
    rows: list[dict[str, Any]] = [
        {"budget": name, "limit": trials, "expected": trials, "share": 1.0}
    ]
    for name, amount in expected.items():
        if (limit := getattr(budget, name)) is not None:
            fraction = None if amount is None else amount / limit
            rows.append({"budget": name, "limit": limit, "expected": amount, "share": fraction})
    return rows


def _warnings(study: Study, workload: Workload, allocation: Allocation) -> list[str]:
    file, warnings = study.file, []
    startup = STARTUP_TRIALS.get(study.sampler)
    if file.design == "search" and startup is not None and not study.learned_from:
        learning = max(0, len(workload.high) - startup)
        rounds = learning / allocation.concurrent
        if rounds < FEW_ROUNDS:
            warnings.append(
                f"{study.sampler} learns in {rounds:.1f} rounds ({count_text(learning, 'trial')} "
                f"after its first {startup}, {allocation.concurrent} at a time): with fewer than "
                f"{FEW_ROUNDS} it is little better than random"
            )
    wanted = file.budget.trials
    if wanted is not None and study.trials < wanted:
        points = count_text(study.trials, "point")
        warnings.append(f"the space has {points}, fewer than the {count_text(wanted, 'trial')}")
    if not allocation.gpus:
        for name in ("gpu_hours", "money"):
            if getattr(file.budget, name) is not None:
                warnings.append(f"budget.{name} has no effect: trials get no GPU")
    return warnings
