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
from search.options import Address, Flag, ResumeOptions, StudyOptions, SweepOptions
from spaces.study import Confirm

if TYPE_CHECKING:
    from search.run.resume import Edit
    from search.run.sweep import SweepResult

log = logging.getLogger("colorsweep")
DEFAULTS = Confirm()
SWEEP, RESUME = SweepOptions(), ResumeOptions()


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
    began = {"study": options.study, "settings": changes, "quick": options.quick}
    location = new_sweep(loaded, out, began)
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


def resume(options: ResumeOptions = RESUME, *, ship: Flag = False) -> CliResult:
    """Resume a sweep that was stopped or killed; finished trials are not run again.

    Parameters
    ----------
    ship
        With --address http://HOST:8265, which resumes a job's sweep as a new job: send this
        installation's code along.
    """
    if options.address is not None and is_dashboard(options.address):
        if options.study is not None or options.accept:
            raise InputError(
                "resume: --study and --accept need the sweep's folder.\n"
                "Run resume where the folder is, with --address auto."
            )
        return resume_job(options.address, options.sweep, ship=ship)
    return _resume("resume", options)


def extend(
    options: ResumeOptions = RESUME,
    *,
    trials: Annotated[int | None, Parameter(alias="-n", validator=Number(gte=1))] = None,
    replicates: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
) -> CliResult:
    """Give a sweep more trials, or a compared design more seeds, and resume it.

    Parameters
    ----------
    trials
        So many more trials of a search.
    replicates
        So many more seeds for every level of a compared design.
    """
    from search.run.resume import extension

    return _resume("extend", options, extension(trials, replicates, needed=options.study is None))


def confirm(
    options: SweepOptions = SWEEP,
    *,
    top: Annotated[int, Parameter(validator=Number(gte=1))] = DEFAULTS.top,
    replicates: Annotated[int, Parameter(validator=Number(gte=2))] = DEFAULTS.replicates,
) -> CliResult:
    """Train the best of a search again with fresh seeds, and judge them on the test pictures.

    Parameters
    ----------
    top
        Configurations.
    replicates
        Seeds for each of them.
    """
    from search.run.resume import confirmation

    edit = confirmation(top, replicates)
    return _resume("confirm", ResumeOptions(**vars(options)), edit)


def _resume(command: str, options: ResumeOptions, edit: "Edit | None" = None) -> CliResult:
    require_training_libraries(command)
    check_driver_address(options.address)
    from search.records.reader import find_sweep
    from search.run.resume import resume_sweep

    location = find_sweep(options.sweep)
    accept, take_over = options.accept, options.take_over
    resume_sweep(location, edit, options.study, accept=accept, take_over=take_over)
    return _drive(location, options.address)


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
