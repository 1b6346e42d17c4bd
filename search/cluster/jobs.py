"""Sweeps as jobs of a Ray cluster: submitted, followed, stopped and resumed from anywhere.

A job runs this project's own command on the cluster's head node, and its sweep's records and
checkpoints lie on storage that every node sees. The job has the sweep's name; each time a stopped
sweep is resumed it is a new job, with a number behind its name. Everything goes through Ray's
Jobs API at the dashboard's address, so a laptop needs to see nothing else of the cluster.
"""

import asyncio
import contextlib
import logging
import os
import re
import shlex
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from colornet.config.catalog import to_yaml
from colornet.errors import ClusterError, InputError, InUseError
from search.cluster.auth import Endpoint, explain_error

STOP_WAIT = 60
"""Seconds that a job has to write its checkpoints once it is stopped; Ray's own 3 are too few."""
AGENT_WAIT = 60.0
"""Seconds that a head may take from its start until it can run a job."""
START_WAIT = 60.0
"""Seconds in which a job usually logs that its sweep has started, or what is wrong with it."""
STARTED = ("\nNodes ", "\ntick ")
"""Lines by which a sweep, or a final training, shows that its inputs are accepted."""
POLL = 0.5
"""Seconds between two requests: Ray's own `ray job submit` asks every second."""
STUDY = "COLORSWEEP_STUDY"
"""Variable of a job's environment that holds its study, resolved, as YAML."""
TAG = "colorsweep"
"""Key of a job's metadata that marks it as ours; its value is the sweep's folder."""
TRAINING = "colorsweep-training"
"""Key of the metadata of a job that trains finally; the folder is that of its model."""
CHATTY = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
"""Loggers of Ray's that report every uploaded file."""
_NUMBER = re.compile(r"(?P<sweep>.+?)(?:\.(?P<number>[0-9]+))?")


@dataclass(frozen=True)
class Job:
    """A job that runs a sweep, or trains finally.

    Attributes:
        state: as Ray has it: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED.
        exit_code: of the command, once it has ended by itself.
        sweep: the sweep's folder or URI, or the model's.
    """

    name: str
    state: str
    exit_code: int | None
    sweep: str
    training: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return JobStatus(self.state).is_terminal()

    @property
    def result(self) -> int:
        """The command's exit code, and 130 for a job that was stopped."""
        if self.exit_code is not None:
            return self.exit_code
        return {"SUCCEEDED": 0, "STOPPED": 130}.get(self.state, 1)


class Cluster:
    """A cluster's jobs.

    Args:
        endpoint: its dashboard, of this process's version of Ray.

    Raises:
        ClusterError: Ray refuses us.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = endpoint.address
        with self._errors():
            self._client = job_client(self.address)

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise explain_error(error, self.address) from error

    def jobs(self) -> list[Job]:
        """All jobs that run sweeps, the latest last."""
        with self._errors():
            ours = [job for job in self._client.list_jobs() if TAG in (job.metadata or {})]
        return [_job(details) for details in sorted(ours, key=lambda job: job.start_time or 0)]

    def find(self, name: str | None) -> Job:
        """A sweep's latest job by the sweep's name, its beginning, or None: the latest of all.

        Raises:
            InputError: there is none, or several sweeps begin like that.
        """
        jobs = self.jobs()
        if name is None:
            if not jobs:
                raise InputError(
                    f"{self.address}: runs no sweep.\nStart one with `colorsweep submit STUDY`."
                )
            return jobs[-1]
        exact = [job for job in jobs if name in (job.name, sweep_of(job.name))]
        matching = exact or [job for job in jobs if job.name.startswith(name)]
        if not matching:
            sweeps = ", ".join(dict.fromkeys(sweep_of(job.name) for job in reversed(jobs)))
            raise InputError(f"{name}: no such job at {self.address}.\nThere are: {sweeps or '-'}.")
        if len(sweeps := {sweep_of(job.name) for job in matching}) > 1:
            raise InputError(f"{name}: several jobs begin like that: {', '.join(sorted(sweeps))}.")
        return matching[-1]

    def submit_sweep(self, data: Mapping[str, Any], sweep: str, *, ship: bool) -> Job:
        """Run a resolved study as a sweep.

        Args:
            data: as `Study.to_data` gives it.
            sweep: the sweep's folder or URI, which every node sees.
            ship: send this installation's code along, for nodes that do not have it.

        Raises:
            InUseError: the sweep has been submitted already.
        """
        name = urlsplit(sweep).path.rstrip("/").rsplit("/", 1)[-1]
        # By a variable, not in a working directory: Ray may delete one that processes still use.
        command = f'printf %s "${STUDY}" | {command_line("run", "/dev/stdin", "--out", sweep)}'
        return self.submit_job(name, sweep, command, ship, {STUDY: to_yaml(data)})

    def resume_sweep(self, job: Job, *, ship: bool) -> Job:
        """Resume the sweep of a job that has ended, as a new job.

        Raises:
            InUseError: the job still runs.
        """
        command = command_line("resume", job.sweep)
        return self.submit_job(self.next_name(job), job.sweep, command, ship)

    def next_name(self, job: Job) -> str:
        """The name of the job that resumes one that has ended; raises as `resume`."""
        if not job.ended:
            raise InUseError(f"{job.name}: still runs.\nFollow it: {self.command('logs', job)}")
        match = _NUMBER.fullmatch(job.name)
        assert match
        return f"{match['sweep']}.{int(match['number'] or 1) + 1}"

    def submit_job(
        self,
        name: str,
        sweep: str,
        command: str,
        ship: bool,
        variables: Mapping[str, str] | None = None,
        *,
        training: bool = False,
    ) -> Job:
        """Submit a job of ours, whatever it runs.

        Args:
            name: of the job.
            sweep: the folder or URI it works on.
            command: what the head's shell runs.
            variables: more of its environment.
        """
        environment = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT),
            **(variables or {}),
        }
        runtime: dict[str, Any] = {"env_vars": environment}
        if ship:
            runtime["py_modules"] = _installation()
        try:
            with self._errors():
                submit_with_retries(
                    self._client,
                    AGENT_WAIT,
                    entrypoint=command,
                    submission_id=name,
                    runtime_env=runtime,
                    metadata={TAG: sweep} | ({TRAINING: "yes"} if training else {}),
                )
        except ClusterError as error:
            if "already exists" not in str(error.__cause__):
                raise
            job = self.find(name)
            raise InUseError(
                f"{job.name}: has been submitted already, and is {job.state}.\n"
                f"Follow it: {self.command('logs', job)}\n"
                f"Resume it once it has ended: {self.command('resume', job)}"
            ) from None
        return self.state(name)

    def state(self, name: str) -> Job:
        """A job as it is now."""
        with self._errors():
            return _job(self._client.get_job_info(name))

    def stop(self, job: Job) -> Job:
        """Have a job's trials write their checkpoints and end; returns when it has ended."""
        with self._errors():
            self._client.stop_job(job.name)
        while not job.ended:
            time.sleep(POLL)
            job = self.state(job.name)
        return job

    def wait_for_start(self, job: Job) -> Job:
        """Wait until a job's sweep has started or was refused, or for `START_WAIT`."""
        deadline = time.monotonic() + START_WAIT
        while True:
            job, output = self.state(job.name), self.logs(job)
            started = any(line in output for line in STARTED)
            if job.ended or started or time.monotonic() > deadline:
                return job
            time.sleep(POLL)

    def output_lines(self, job: Job) -> list[str]:
        """The lines that our command has written, without Ray's own."""
        lines = [line for line in self.logs(job).splitlines() if line.strip()]
        starts = [at for at, line in enumerate(lines) if line.startswith("Running entrypoint")]
        return lines[starts[0] + 1 :] if starts else lines

    def logs(self, job: Job) -> str:
        """What a job has written so far."""
        with self._errors():
            return self._client.get_job_logs(job.name)

    def follow(self, job: Job) -> Job:
        """Copy what a job writes to stderr until it has ended."""
        written = 0
        while True:
            written = asyncio.run(self._copy(job.name, written))
            # The connection may break, and a job's last lines may come after its stream has ended.
            job = self.state(job.name)
            text = self.logs(job)
            sys.stderr.write(text[written:])
            sys.stderr.flush()
            written = len(text)
            if job.ended:
                return job
            time.sleep(POLL)

    async def _copy(self, name: str, written: int) -> int:
        """Copy a job's stream from the character `written` on; returns how far it went."""
        position = 0  # Ray sends the whole log each time that it is connected to
        with contextlib.suppress(RuntimeError, OSError):
            async for text in self._client.tail_job_logs(name):
                sys.stderr.write(text[max(0, written - position) :])
                sys.stderr.flush()
                position += len(text)
        return max(position, written)

    def command(self, verb: str, job: Job) -> str:
        """What to type to do something with a job."""
        more = " --follow" if verb == "logs" else ""
        return f"colorsweep {verb} {sweep_of(job.name)}{more} --address {self.address}"


def job_client(address: str) -> JobSubmissionClient:
    """Ray's client for the jobs of a dashboard; it raises OSError, RuntimeError and ValueError."""
    # Ray lets its own environment variables win over an address that was named.
    os.environ["RAY_API_SERVER_ADDRESS"] = address
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return JobSubmissionClient(address)


def submit_with_retries(client: JobSubmissionClient, patience: float, **request: Any) -> str:
    """Submit a job; a head that has only just started accepts none for some seconds.

    Args:
        patience: seconds for which it is tried again.
        request: as `JobSubmissionClient.submit_job` takes it.

    Returns:
        the job's name.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return client.submit_job(**request)
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(POLL)


def command_line(*command: str) -> str:
    """A command of ours as a node's shell runs it."""
    return shlex.join(["python", "-m", "search", *command, "--address", "auto"])


def sweep_of(name: str) -> str:
    """The name of a job's sweep, without the number of a job that resumed it."""
    match = _NUMBER.fullmatch(name)
    assert match
    return match["sweep"]


def _job(details: JobDetails) -> Job:
    return Job(
        name=details.submission_id,
        state=details.status.value,
        exit_code=details.driver_exit_code,
        sweep=(details.metadata or {}).get(TAG, ""),
        training=TRAINING in (details.metadata or {}),
    )


def _installation() -> list[str]:
    """The folders of this installation's packages, and of the metadata with their version."""
    specs = [find_spec(package) for package in ("colornet", "reports", "search", "spaces")]
    folders = [Path(next(iter(spec.submodule_search_locations or ()))) for spec in specs if spec]
    distribution = metadata.distribution("colorsweep")
    name = f"colorsweep-{distribution.version}.dist-info"
    folders.append(Path(str(distribution.locate_file(name))))
    return [str(folder) for folder in folders if folder.is_dir()]
