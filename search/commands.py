"""What `colorsweep run`, `plan`, `status` and `resume` do."""

import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.answer import Answer, aligned, need_training_libraries, parse_settings

if TYPE_CHECKING:
    from search.sweep import SweepResult
    from spaces.study import Study

log = logging.getLogger("colorsweep")
Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
Address = Annotated[str | None, Parameter(env_var="COLORSWEEP_ADDRESS")]


def run(
    study: str,
    *,
    data: Path | None = None,
    settings: Settings = None,
    trials: Annotated[int | None, Parameter(alias="-n")] = None,
    quick: Annotated[bool, Parameter(negative=())] = False,
    out: str | None = None,
    address: Address = None,
) -> Answer:
    """Run a study as a sweep: choose, train and record trials until the budget is used.

    Parameters
    ----------
    study
        Name of a built-in study, or a YAML file.
    data
        Pictures to train on: a folder, CIFAR-10 batches or Parquet; short for --set data.source=…
        --set data.root=DIR.
    settings
        PATH=VALUE: a config path, which fixes a dimension of that name, or a study key.
    trials
        Number of trials; short for --set budget.trials=N.
    quick
        The study's own small variant.
    out
        The sweep's folder [sweeps/<date>-<study>-<4 letters>].
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """
    need_training_libraries("run")
    loaded = _load(study, data, settings, trials, quick)

    from search.beginning import begin

    location = begin(loaded, out)
    for note in loaded.notes:
        log.warning(note)
    log.warning("Sweep %s", location)

    from search.sweep import run as start

    return _answer(start(location, address))


def plan(
    study: str,
    *,
    data: Path | None = None,
    settings: Settings = None,
    trials: Annotated[int | None, Parameter(alias="-n")] = None,
    quick: Annotated[bool, Parameter(negative=())] = False,
    out: str | None = None,
    probe: Annotated[bool, Parameter(negative=())] = False,
    cpus: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    gpus: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
) -> Answer:
    """Check a study and say what running it would take; starts nothing.

    Exits with 2 when it goes beyond the study's own budget or the free disk, too.

    Parameters
    ----------
    study
        Name of a built-in study, or a YAML file.
    data
        Pictures to train on, as `run` takes them.
    settings
        PATH=VALUE: a config path, which fixes a dimension of that name, or a study key.
    trials
        Number of trials; short for --set budget.trials=N.
    quick
        The study's own small variant.
    out
        The sweep's folder [sweeps/<date>-<study>-<4 letters>].
    probe
        Train a few steps of some configurations, to see how long they take on this machine.
    cpus
        CPUs of the machine or cluster to plan for [this machine's].
    gpus
        Its GPUs [this machine's].
    """
    if probe:
        need_training_libraries("plan --probe")
    from search.planning import is_refused, make_plan
    from search.plantext import plan_text
    from search.shares import Machine, this_machine

    here = this_machine()
    machine = Machine(here.cpus if cpus is None else cpus, here.gpus if gpus is None else gpus)
    loaded = _load(study, data, settings, trials, quick)
    values = make_plan(loaded, out, machine, probe=probe)
    options = [f"--set {shlex.quote(one)}" for one in settings or []]
    options += [f"--data {shlex.quote(str(data))}"] if data is not None else []
    options += [f"--trials {trials}"] if trials is not None else []
    options += ["--quick"] if quick else []
    options += [f"--out {shlex.quote(out)}"] if out is not None else []
    command = " ".join(["colorsweep run", shlex.quote(study), *options])
    return Answer(plan_text(values, command), values, exit_code=2 if is_refused(values) else 0)


def _load(
    study: str, data: Path | None, settings: list[str] | None, trials: int | None, quick: bool
) -> "Study":
    """The study as the options of `run` change it."""
    from colornet.data.detect import detect_source
    from spaces.loading import load_study

    overrides = parse_settings(settings or [])
    if data is not None:
        root = data.expanduser().absolute()
        overrides |= {"data.source": detect_source(root), "data.root": str(root)}
    if trials is not None:
        overrides["budget.trials"] = trials
    return load_study(study, overrides, quick=quick)


def resume(sweep: str | None = None, *, address: Address = None) -> Answer:
    """Go on with a sweep that was stopped or killed; finished trials are not run again.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """
    need_training_libraries("resume")
    from search.records import find_sweep, read_sweep

    location = find_sweep(sweep)
    read_sweep(location)

    from search.sweep import run as go_on

    return _answer(go_on(location, address))


def _answer(result: "SweepResult") -> Answer:
    states = ", ".join(f"{count} {state}" for state, count in sorted(result.states.items()))
    lines = [f"Sweep   {result.location}", f"Trials  {states}"]
    if result.best is not None:
        lines.append(f"Best    {result.best_column} {result.best:.4g}")
    if result.interrupted:
        lines.append(f"Next    colorsweep resume {result.location}")
    else:
        lines.append(f"Next    colorsweep report {result.location}")
    values = {
        "sweep": result.location,
        "states": dict(result.states),
        "best": result.best,
        "seconds": round(result.seconds, 1),
        "interrupted": result.interrupted,
    }
    return Answer("\n".join(lines), values, exit_code=130 if result.interrupted else 0)


def status(sweep: str | None = None) -> Answer:
    """Say how a sweep stands: trials by state, what runs, the best so far.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    """
    from colornet.storage import Storage
    from search.lease import holder, is_alive
    from search.ranking import best_trials
    from search.records import UNFINISHED, find_sweep, read_sweep

    location = find_sweep(sweep)
    records = read_sweep(location)
    held = holder(Storage.at(location))
    driver = held if held and is_alive(held) else None
    budget = records.study["trials"]
    states = records.trials["state"].value_counts().to_dict()
    done = sum(n for state, n in states.items() if state not in UNFINISHED)
    best = best_trials(records, 1)
    values: dict[str, Any] = {
        "sweep": location,
        "study": records.study["name"],
        "question": records.study["question"],
        "trials": budget,
        "done": done,
        "states": states,
        "driver": {key: driver[key] for key in ("host", "pid", "since")} if driver else None,
        "best": _best(best, records.study) if len(best) else None,
        "running": _running(records),
        "problems": records.problems,
    }
    return Answer(_status_text(values), values)


def _best(best: Any, study: Any) -> dict[str, Any]:
    row = best.iloc[0]
    return {
        "trial": row["trial_id"],
        **{column: float(row[column]) for column in study["objectives"]},
    }


def _running(records: Any) -> list[dict[str, Any]]:
    running = records.trials[records.trials["state"] == "running"]
    last = records.ticks.drop_duplicates("trial_id", keep="last").set_index("trial_id")
    ticks = records.study["base_config"]["training"]["ticks"]
    return [
        {
            "trial": trial,
            "tick": int(last.loc[trial, "tick"]) if trial in last.index else 0,
            "ticks": ticks,
        }
        for trial in running["trial_id"]
    ]


def _status_text(values: dict[str, Any]) -> str:
    driver = values["driver"]
    finished = values["done"] >= values["trials"]
    if driver:
        driven = f"running, driven by process {driver['pid']} on {driver['host']}"
    else:
        driven = "finished" if finished else "stopped"
    states = ", ".join(f"{count} {state}" for state, count in sorted(values["states"].items()))
    rows = [
        ("Sweep", values["sweep"]),
        ("Question", values["question"]),
        ("State", driven),
        ("Trials", f"{values['done']} of {values['trials']} done ({states or 'none started'})"),
    ]
    if driver:
        rows += [("", f"{one['trial']} at tick {one['tick']}") for one in values["running"]]
    if best := values["best"]:
        shown = ", ".join(f"{k} {v:.4g}" for k, v in best.items() if k != "trial")
        rows.append(("Best", f"{best['trial']}: {shown}"))
    rows += [("Problem", problem) for problem in values["problems"]]
    verb = "report" if finished or driver else "resume"
    rows.append(("Next", f"colorsweep {verb} {values['sweep']}"))
    return aligned(rows)
