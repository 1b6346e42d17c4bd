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
from search.cluster.auth import check_version, reach
from search.options import Address, Flag, Follow, StudyOptions

if TYPE_CHECKING:
    from search.cluster.jobs import Cluster, Job


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
    cluster = reached(address)
    loaded.log_notes()
    job = cluster.submit(loaded.to_data(), location, ship=ship)
    job = cluster.begun(job)
    if job.exit_code == InputError.exit_code:
        raise InputError(refusal(cluster.words(job), loaded.base_config["data"].get("root")))
    return followed(cluster, job, follow)


def refusal(words: list[str], root: str | None) -> str:
    """Why a cluster refused a study, in three lines at most."""
    words = [line for line in words if not line.startswith("Sweep ")]
    if root and "://" not in root and words and root in words[0]:
        return (
            f"On the cluster {words[0]}\n"
            f"Give a path that every node sees, or pack the pictures where it can be seen from: "
            f"colorsweep data pack {root} -o URI"
        )
    return "\n".join(words[-3:])


def logs(
    sweep: str | None = None,
    *,
    address: Address = None,
    follow: Follow = False,
) -> CliResult:
    """Print what a sweep's job has written, or of a folder's sweep how its trials went.

    Parameters
    ----------
    sweep
        Name of the job's sweep, or a sweep's folder [the latest].
    address
        The cluster's dashboard, http://HOST:8265, where the sweep is a job.
    follow
        Go on until it has ended; exits with a job's own exit code.
    """
    if is_jobs(address):
        cluster = reached(address)
        job = cluster.find(sweep)
        return followed(cluster, job, True) if follow else CliResult(cluster.logs(job).rstrip("\n"))
    from search.cluster.events import events_text, follow_events
    from search.records.reader import find_sweep

    location = find_sweep(sweep)
    if follow:
        follow_events(location, sys.stderr)
        return CliResult(f"Next  colorsweep status {shlex.quote(location)}")
    return CliResult(events_text(location))


def stop(sweep: str | None = None, *, address: Address = None) -> CliResult:
    """Stop a sweep: its running trials write a checkpoint, and `resume` goes on with them.

    Parameters
    ----------
    sweep
        Name of the job's sweep, or a sweep's folder [the latest].
    address
        The cluster's dashboard, http://HOST:8265, where the sweep is a job.
    """
    if is_jobs(address):
        cluster = reached(address)
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
    """How a job stands, and its sweep where its folder can be seen from here."""
    from search.records.reader import find_sweep
    from search.status import status_of, status_text

    cluster = reached(address)
    job = cluster.find(sweep)
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    rows = [("Job", f"{job.name}: {job.state}{code}")]
    if job.training:
        rows += [("Model", job.sweep), ("Next", cluster.command("logs", job))]
        return CliResult(align_columns(rows), _values(job))
    try:
        standing = status_of(find_sweep(job.sweep))
    except InputError:
        verb = "resume" if job.ended and job.result else "logs"
        rows += [("Sweep", f"{job.sweep}, which cannot be seen from here")]
        rows += [("Next", cluster.command(verb, job))]
        return CliResult(align_columns(rows), _values(job))
    shown = f"{align_columns(rows)}\n{status_text(standing)}"
    return CliResult(shown, {**_values(job), "standing": standing})


def resume_job(address: str, sweep: str | None, *, ship: bool) -> CliResult:
    """Go on with a job's sweep as a new job."""
    cluster = reached(address)
    job = cluster.find(sweep)
    if job.training:
        raise InputError(
            f"{job.name}: trains a model.\n"
            "Type its `colorsweep train` again: it goes on from its checkpoint."
        )
    return followed(cluster, cluster.resume(job, ship=ship), False)


def driver_address(address: str | None) -> str | None:
    """An address to drive a sweep at from here.

    Raises:
        InputError: it is one of jobs.
        ClusterError: nobody answers there, or not us.
    """
    if is_jobs(address):
        raise InputError(
            f"--address: {address}: is a dashboard's, where sweeps run as jobs: use "
            "`colorsweep submit`.\n"
            "To drive one from here give auto or HOST:6379, or unset COLORSWEEP_ADDRESS."
        )
    if address is not None:
        check_version(reach(address))  # before anything is made that would have to be removed
    return address


def is_jobs(address: str | None) -> bool:
    """Whether an address is that of a cluster's dashboard, where jobs are."""
    return address is not None and "://" in address


def reached(address: str | None) -> "Cluster":
    """The cluster at a dashboard's address.

    Raises:
        InputError: it is no dashboard's address.
        ClusterError: nobody answers there, or not us.
    """
    if not is_jobs(address):
        raise InputError(
            f"--address: {address or 'is missing'}: jobs are submitted to a cluster's dashboard.\n"
            "Give --address http://HOST:8265, or set COLORSWEEP_ADDRESS."
        )
    require_training_libraries("submit")
    assert address is not None
    check_version(found := reach(address))  # before Ray's client is loaded, which takes seconds
    from search.cluster.jobs import Cluster

    return Cluster(found)


def followed(cluster: "Cluster", job: "Job", follow: bool) -> CliResult:
    """What a job is doing, or with `follow` how it has ended."""
    what = "Model" if job.training else "Sweep"
    rows = [("Job", f"{job.name}: {job.state}"), (what, job.sweep)]
    if not follow:
        rows.append(("Next", cluster.command("logs", job)))
        return CliResult(align_columns(rows), _values(job))
    job = cluster.follow(job)
    verb = "resume" if job.state == "STOPPED" else "status"
    rows = [("Job", f"{job.name}: {job.state}"), (what, job.sweep)]
    if not job.training:
        rows.append(("Next", cluster.command(verb, job)))
    return CliResult(align_columns(rows), _values(job), exit_code=job.result)


def _values(job: "Job") -> dict[str, object]:
    return {
        "job": job.name,
        "state": job.state,
        "exit_code": job.exit_code,
        "sweep": job.sweep,
    }


STOPPED_WITHIN = 60.0
"""Seconds that a driver has to end after it was asked to."""


def _stop_folder(sweep: str | None) -> CliResult:
    """Ask the driver of a sweep's folder to stop, which has to be on this host."""
    from search.records.lease import is_of_this_namespace
    from search.records.reader import driver_of, find_sweep

    location = find_sweep(sweep)
    held = driver_of(location)
    if held is None:
        return CliResult(
            f"{location}: nobody runs it.\nNext  colorsweep resume {shlex.quote(location)}"
        )
    if not is_of_this_namespace(held):
        raise ClusterError(
            f"{location}: is run by process {held['pid']} on {held['host']}, not from here.\n"
            "Stop it there, or as a job: colorsweep stop NAME --address http://HOST:8265"
        )
    os.kill(held["pid"], signal.SIGTERM)
    until = time.monotonic() + STOPPED_WITHIN
    while driver_of(location) is not None:
        if time.monotonic() > until:
            raise InUseError(f"{location}: process {held['pid']} has not ended yet; ask again.")
        time.sleep(0.2)
    values = {"sweep": location, "stopped": True}
    return CliResult(
        f"Stopped  {location}\nNext     colorsweep resume {shlex.quote(location)}", values
    )
