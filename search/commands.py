"""What `colorsweep run`, `plan`, `resume`, `extend`, `confirm` and `status` do."""

import logging
import shlex
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from colornet.cli_result import CliResult, align_columns, require_training_libraries
from colornet.errors import INTERRUPTED, InputError
from colornet.interrupt import write_stderr
from search.cluster.job_commands import (
    check_driver_address,
    is_dashboard,
    resume_job,
    status_of_job,
)
from search.options import Address, Flag, StudyOptions
from spaces.study import Confirm

if TYPE_CHECKING:
    from search.run.resume import Edit
    from search.run.sweep import SweepResult

log = logging.getLogger("colorsweep")
DEFAULTS = Confirm()
StudyOption = Annotated[str | None, Parameter(name="--study")]


def run(options: StudyOptions, *, out: str | None = None, address: Address = None) -> CliResult:
    """Run a study as a sweep: sample, train and record trials until the budget is used.

    Parameters
    ----------
    out
        The sweep's folder [sweeps/<date>-<study>-<4 letters>].
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """
    require_training_libraries("run")
    check_driver_address(address)
    from search.run.create import new_sweep
    from search.run.resources import allocate, this_machine

    loaded = options.load()
    if address is None:  # what a cluster has is known once Ray is connected to it
        resources = loaded.file.resources
        allocate(this_machine(), resources.gpus, resources.concurrent, resources.workers)
    changes, _ = options.changes()
    given = {"study": options.study, "settings": changes, "quick": options.quick}
    location = new_sweep(loaded, out, given)
    log.info("Sweep %s", location)
    return _drive(location, address)


def plan(
    options: StudyOptions,
    *,
    out: str | None = None,
    probe: Flag = False,
    cpus: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    gpus: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
) -> CliResult:
    """Check a study and estimate what it takes to run; starts nothing.

    Exits with 2, too, when it exceeds the study's own budget or the free disk.

    Parameters
    ----------
    out
        The sweep's folder [sweeps/<date>-<study>-<4 letters>].
    probe
        Train a few steps of some configurations, to time them on this machine.
    cpus
        CPUs of the machine or cluster to plan for [this machine's].
    gpus
        Its GPUs [this machine's].
    """
    if probe:
        require_training_libraries("plan --probe")
    from search.plan.plan import is_refused, make_plan
    from search.plan.text import plan_text
    from search.run.resources import Capacity, this_machine

    here = this_machine()
    machine = Capacity(here.cpus if cpus is None else cpus, here.gpus if gpus is None else gpus)
    values = make_plan(options.load(), out, machine, probe=probe)
    command = f"colorsweep run {options.words()}"
    command += f" --out {shlex.quote(out)}" if out is not None else ""
    return CliResult(plan_text(values, command), values, exit_code=2 if is_refused(values) else 0)


def resume(
    sweep: str | None = None,
    *,
    study: StudyOption = None,
    accept: Flag = False,
    take_over: Flag = False,
    address: Address = None,
    ship: Flag = False,
) -> CliResult:
    """Resume a sweep that was stopped or killed; finished trials are not run again.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    study
        Take the study from this file, as far as its results can be mixed with those there are.
    accept
        Resume although the space was widened, or the search changed.
    take_over
        Take the sweep from another driver, which stops within seconds if it is alive.
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here]; http://HOST:8265 resumes a
        job's sweep, as a new job.
    ship
        With a job: send this installation's code along.
    """
    if address is not None and is_dashboard(address):
        if study is not None or accept:
            raise InputError(
                "resume: --study and --accept need the sweep's folder.\n"
                "Run resume where the folder is, with --address auto."
            )
        return resume_job(address, sweep, ship=ship)
    return _resume("resume", sweep, None, address, study, accept=accept, take_over=take_over)


def extend(
    sweep: str | None = None,
    *,
    trials: Annotated[int | None, Parameter(alias="-n", validator=Number(gte=1))] = None,
    replicates: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    study: StudyOption = None,
    accept: Flag = False,
    take_over: Flag = False,
    address: Address = None,
) -> CliResult:
    """Give a sweep more trials, or a compared design more seeds, and resume it.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    trials
        So many more trials of a search.
    replicates
        So many more seeds for every level of a compared design.
    study
        Take the study from this file, as far as its results can be mixed with those there are.
    accept
        Resume although the space was widened, or the search changed.
    take_over
        Take the sweep from another driver, which stops within seconds if it is alive.
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """
    from search.run.resume import extension

    edit = extension(trials, replicates, needed=study is None)
    return _resume("extend", sweep, edit, address, study, accept=accept, take_over=take_over)


def confirm(
    sweep: str | None = None,
    *,
    top: Annotated[int, Parameter(validator=Number(gte=1))] = DEFAULTS.top,
    replicates: Annotated[int, Parameter(validator=Number(gte=2))] = DEFAULTS.replicates,
    take_over: Flag = False,
    address: Address = None,
) -> CliResult:
    """Train the best of a search again with fresh seeds, and judge them on the test pictures.

    Parameters
    ----------
    sweep
        Folder, or the beginning of its name [the latest].
    top
        Configurations.
    replicates
        Seeds for each of them.
    take_over
        Take the sweep from another driver, which stops within seconds if it is alive.
    address
        Ray cluster to run on: auto or HOST:6379 [one is started here].
    """
    from search.run.resume import confirmation

    return _resume("confirm", sweep, confirmation(top, replicates), address, take_over=take_over)


def _resume(
    command: str,
    sweep: str | None,
    edit: "Edit | None",
    address: str | None,
    study: str | None = None,
    *,
    accept: bool = False,
    take_over: bool = False,
) -> CliResult:
    require_training_libraries(command)
    check_driver_address(address)
    from search.records.reader import find_sweep
    from search.run.resume import resume_sweep

    location = find_sweep(sweep)
    resume_sweep(location, edit, study, accept=accept, take_over=take_over)
    return _drive(location, address)


def _drive(location: str, address: str | None) -> CliResult:
    """Drive a sweep whose folder is made: wherever a Ctrl-C interrupts it, it can be resumed."""
    try:
        from search.run.sweep import run as start

        return _summary(start(location, address))
    except KeyboardInterrupt:
        write_stderr(f"Interrupted. Resume with: colorsweep resume {shlex.quote(location)}")
        raise SystemExit(INTERRUPTED) from None


def _summary(result: "SweepResult") -> CliResult:
    from search.core.finished import counts_of
    from search.records.reader import read_sweep
    from search.status import best_point, best_text

    records = read_sweep(result.location)
    best = best_point(records)
    counts = counts_of(records, driven=False)
    rows = [("Sweep", result.location), ("Trials", counts.search_text)]
    if counts.confirm_text:
        rows.append(("Confirmed", counts.confirm_text))
    if result.why_over:
        rows.append(("Ended", result.why_over))
    if best is not None:
        rows.append(("Best", best_text(best)))
    verb = "resume" if result.interrupted else "report"
    rows.append(("Next", f"colorsweep {verb} {shlex.quote(result.location)}"))
    values = {
        "sweep": result.location,
        "states": counts.states,
        "confirming": counts.confirming,
        "ended": result.why_over,
        "best": best,
        "seconds": round(result.seconds, 1),
        "interrupted": result.interrupted,
    }
    return CliResult(align_columns(rows), values, exit_code=130 if result.interrupted else 0)


def status(sweep: str | None = None, *, address: Address = None) -> CliResult:
    """Show a sweep's state: trials by state, what runs, the best so far.

    Parameters
    ----------
    sweep
        Folder or URI, the beginning of its name, or the name of a job's sweep [the latest].
    address
        The cluster's dashboard, http://HOST:8265, where the sweep is a job.
    """
    if address is not None and is_dashboard(address):
        return status_of_job(address, sweep)
    from search.records.reader import find_sweep
    from search.status import status_of, status_text

    values = status_of(find_sweep(sweep))
    return CliResult(status_text(values), values)
