"""What `colorsweep submit`, `logs` and `stop` do, and `status` and `resume` with a job.

`--address http://HOST:8265` means a cluster's jobs; without it a sweep is a folder.
"""

import os
import shlex
import signal
import sys
import time
from typing import TYPE_CHECKING

from colornet.cli_result import CliResult, align_columns, require_training_libraries
from colornet.errors import ClusterError, InputError, InUseError
from search.cluster.auth import check_version, connect
from search.options import Address, Flag, Follow, StudyOptions

if TYPE_CHECKING:
    from search.cluster.jobs import Cluster, Job

STOP_TIMEOUT = 60.0
"""Seconds in which a driver ends after a SIGTERM: its trials finish a step and write checkpoints.
"""


def submit(
    options: StudyOptions,
    *,
    address: Address = None,
    out: str | None = None,
    ship: Flag = False,
    follow: Follow = False,
) -> CliResult:
    """Run a study as a sweep on a cluster, as a Ray job.

    Parameters
    ----------
    address
        The cluster's dashboard: http://HOST:8265.
    out
        The sweep's folder, on storage that every node sees, or a URI
        [<COLORSWEEP_OUT>/<date>-<study>-<4 letters>].
    ship
        Send this installation's code along, for nodes on which colorsweep is not installed.
    follow
        Copy what the job writes until it ends, and exit with its exit code.
    """
    require_training_libraries("submit")
    from search.run.create import refuse_secrets, whole_location

    loaded = options.load()
    refuse_secrets(loaded)
    location = whole_location(loaded, out)
    cluster = open_cluster(address)
    loaded.log_notes()
    job = cluster.submit_sweep(loaded.to_data(), location, ship=ship)
    return start_result(cluster, job, follow, loaded.base_config["data"].get("root"))


def rejection_text(output: list[str], root: str | None) -> str:
    """Why a cluster rejected a study, in three lines at most.

    Args:
        output: lines of the job.
        root: where the study's pictures are.
    """
    lines = [line for line in output if not line.startswith("Sweep ")]
    if root and "://" not in root and lines and root in lines[0]:
        return (
            f"On the cluster {lines[0]}\n"
            f"Give a path that every node sees, or pack the pictures where it can be seen from: "
            f"colorsweep data pack {root} -o URI"
        )
    return "\n".join(lines[-3:])


def logs(sweep: str | None = None, *, address: Address = None, follow: Follow = False) -> CliResult:
    """Print the output of a sweep's job, or the events of a folder's sweep.

    Parameters
    ----------
    sweep
        Name of the job's sweep, or a sweep's folder [the latest].
    address
        The cluster's dashboard, http://HOST:8265, where the sweep is a job.
    follow
        Print until it has ended; exits with a job's own exit code.
    """
    if is_dashboard(address):
        cluster = open_cluster(address)
        job = cluster.find(sweep)
        if follow:
            return job_result(cluster, job, follow)
        return CliResult(cluster.logs(job).rstrip("\n"))
    from search.records.reader import find_sweep
    from search.status import events_text, follow_events

    location = find_sweep(sweep)
    if follow:
        follow_events(location, sys.stderr)
        return CliResult(f"Next  colorsweep status {shlex.quote(location)}")
    return CliResult(events_text(location))


def stop(sweep: str | None = None, *, address: Address = None) -> CliResult:
    """Stop a sweep: its running trials write a checkpoint, from which `resume` continues.

    Parameters
    ----------
    sweep
        Name of the job's sweep, or a sweep's folder [the latest].
    address
        The cluster's dashboard, http://HOST:8265, where the sweep is a job.
    """
    if is_dashboard(address):
        cluster = open_cluster(address)
        job = cluster.find(sweep)
        if job.ended:
            return CliResult(f"{job.name} has ended already: {job.state}.", _values(job))
        job = cluster.stop(job)
        rows = [("Job", f"{job.name}: {job.state}")]
        if not job.training:
            rows.append(("Next", cluster.command("resume", job)))
        return CliResult(align_columns(rows), _values(job))
    return _stop_folder(sweep)


def status_of_job(address: str, sweep: str | None) -> CliResult:
    """A job's state, and its sweep's where the folder can be seen from here."""
    from search.records.reader import find_sweep
    from search.status import status_of, status_text

    cluster = open_cluster(address)
    job = cluster.find(sweep)
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    rows = [("Job", f"{job.name}: {job.state}{code}")]
    if job.training:
        rows += [("Model", job.sweep), ("Next", cluster.command("logs", job))]
        return CliResult(align_columns(rows), _values(job))
    try:
        status = status_of(find_sweep(job.sweep))
    except InputError:
        verb = "resume" if job.ended and job.result else "logs"
        rows += [("Sweep", f"{job.sweep}, which cannot be seen from here")]
        rows += [("Next", cluster.command(verb, job))]
        return CliResult(align_columns(rows), _values(job))
    text = f"{align_columns(rows)}\n{status_text(status)}"
    return CliResult(text, {**_values(job), "standing": status})


def resume_job(address: str, sweep: str | None, *, ship: bool) -> CliResult:
    """Resume a job's sweep as a new job."""
    cluster = open_cluster(address)
    job = cluster.find(sweep)
    if job.training:
        raise InputError(
            f"{job.name}: trains a model.\n"
            "Type its `colorsweep train` again: it resumes from its checkpoint."
        )
    return job_result(cluster, cluster.resume_sweep(job, ship=ship), False)


def check_driver_address(address: str | None) -> None:
    """See that a sweep can be driven at an address from here, before its folder is made.

    Raises:
        InputError: it is a dashboard's, where jobs run.
        ClusterError: nothing answers there, or it refuses us.
    """
    if is_dashboard(address):
        raise InputError(
            f"--address: {address}: is a dashboard's, where sweeps run as jobs: use "
            "`colorsweep submit`.\n"
            "To drive one from here give auto or HOST:6379, or unset COLORSWEEP_ADDRESS."
        )
    if address is not None:
        check_version(connect(address))


def is_dashboard(address: str | None) -> bool:
    """Whether an address is that of a cluster's dashboard, which runs jobs."""
    return address is not None and "://" in address


def open_cluster(address: str | None) -> "Cluster":
    """The cluster at a dashboard's address.

    Raises:
        InputError: it is no dashboard's address.
        ClusterError: nothing answers there, or it refuses us.
    """
    if address is None or not is_dashboard(address):
        raise InputError(
            f"--address: {address or 'is missing'}: jobs are submitted to a cluster's dashboard.\n"
            "Give --address http://HOST:8265, or set COLORSWEEP_ADDRESS."
        )
    require_training_libraries("submit")
    endpoint = connect(address)
    check_version(endpoint)  # before Ray's client is loaded, which takes seconds
    from search.cluster.jobs import Cluster

    return Cluster(endpoint)


def job_result(cluster: "Cluster", job: "Job", follow: bool) -> CliResult:
    """A job's state and what to type next; with `follow` once it has ended, with its exit code."""
    verb, code = "logs", 0
    if follow:
        job = cluster.follow(job)
        verb, code = "resume" if job.state == "STOPPED" else "status", job.result
    rows = [("Job", f"{job.name}: {job.state}"), ("Model" if job.training else "Sweep", job.sweep)]
    if not (follow and job.training):
        rows.append(("Next", cluster.command(verb, job)))
    return CliResult(align_columns(rows), _values(job), exit_code=code)


def start_result(
    cluster: "Cluster", job: "Job", follow: bool, root: str | None = None
) -> CliResult:
    """As `job_result`, once a job's inputs are accepted.

    Args:
        root: where the study's pictures are.

    Raises:
        InputError: the cluster rejects them.
    """
    job = cluster.wait_for_start(job)
    if job.exit_code == InputError.exit_code:
        raise InputError(rejection_text(cluster.output_lines(job), root))
    return job_result(cluster, job, follow)


def _values(job: "Job") -> dict[str, object]:
    names = ("state", "exit_code", "sweep")
    return {"job": job.name, **{name: getattr(job, name) for name in names}}


def _stop_folder(sweep: str | None) -> CliResult:
    """Stop the driver of a sweep's folder, which has to be on this host."""
    from search.records.lease import is_of_this_namespace
    from search.records.reader import driver_of, find_sweep

    location = find_sweep(sweep)
    again = f"colorsweep resume {shlex.quote(location)}"
    driver = driver_of(location)
    if driver is None:
        return CliResult(f"{location}: is not running.\nNext  {again}")
    if not is_of_this_namespace(driver):
        raise ClusterError(
            f"{location}: is run by process {driver['pid']} on {driver['host']}, not from here.\n"
            "Stop it there, or as a job: colorsweep stop NAME --address http://HOST:8265"
        )
    os.kill(driver["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while driver_of(location) is not None:
        if time.monotonic() > deadline:
            raise InUseError(f"{location}: process {driver['pid']} has not ended yet; try again.")
        time.sleep(0.2)
    rows = [("Stopped", location), ("Next", again)]
    return CliResult(align_columns(rows), {"sweep": location, "stopped": True})
