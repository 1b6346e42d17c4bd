"""Sweeps as jobs of a Ray cluster: submitted, followed, stopped and gone on with from anywhere.

A job runs this project's own command on the cluster's head node, and its sweep's records and
checkpoints lie on storage that every node sees. The job is called like the sweep; each time a
stopped sweep goes on it is a new job, with a number behind its name. Everything goes through Ray's
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
from search.cluster.auth import Reached, explain

STOP_WAIT = 60
"""Seconds that a job has to write its checkpoints once it is stopped; Ray's own 3 are too few."""
AGENT_WAIT = 60.0
"""Seconds that a head may take from its start until it can run a job."""
BEGINS_WITHIN = 60.0
"""Seconds in which a job usually says that its sweep has begun, or what is wrong with it."""
BEGUN = ("\nNodes ", "\ntick ")
POLL = 0.5
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
"""Loggers of Ray's that tell a submitter of every file."""
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
    message: str | None = None
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
        reached: its dashboard, of this process's version of Ray.

    Raises:
        ClusterError: Ray refuses us.
    """

    def __init__(self, reached: Reached) -> None:
        self.address = reached.address
        # Ray lets its own environment variables win over an address that was named.
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
        with self._errors():
            self._client = JobSubmissionClient(self.address)

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise explain(error, self.address) from error

    def jobs(self) -> list[Job]:
        """All jobs that run sweeps, the latest last."""
        with self._errors():
            found = [one for one in self._client.list_jobs() if TAG in (one.metadata or {})]
        return [_job(one) for one in sorted(found, key=lambda one: one.start_time or 0)]

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
        exact = [one for one in jobs if name in (one.name, sweep_of(one.name))]
        near = exact or [one for one in jobs if one.name.startswith(name)]
        if not near:
            known = ", ".join(dict.fromkeys(sweep_of(one.name) for one in reversed(jobs)))
            raise InputError(f"{name}: no such job at {self.address}.\nThere are: {known or '-'}.")
        if len(found := {sweep_of(one.name) for one in near}) > 1:
            raise InputError(f"{name}: several jobs begin like that: {', '.join(sorted(found))}.")
        return near[-1]

    def submit(self, data: Mapping[str, Any], sweep: str, *, ship: bool) -> Job:
        """Run a resolved study as a sweep.

        Args:
            data: as `Study.to_data` gives it.
            sweep: the sweep's folder or URI, which every node sees.
            ship: send this installation's code along, for nodes that do not have it.

        Raises:
            InUseError: the sweep has been submitted already.
        """
        name = urlsplit(sweep).path.rstrip("/").rsplit("/", 1)[-1]
        # Not a working directory: Ray may delete one while processes stand in it.
        command = f'printf %s "${STUDY}" | {words_of("run", "/dev/stdin", "--out", sweep)}'
        return self.start(name, sweep, command, ship, {STUDY: to_yaml(data)})

    def resume(self, job: Job, *, ship: bool) -> Job:
        """Go on with the sweep of a job that has ended, as a new job.

        Raises:
            InUseError: the job still runs.
        """
        return self.start(self.next_name(job), job.sweep, words_of("resume", job.sweep), ship)

    def next_name(self, job: Job) -> str:
        """What the job is called that goes on where one has ended; raises as `resume`."""
        if not job.ended:
            raise InUseError(f"{job.name}: still runs.\nFollow it: {self.command('logs', job)}")
        match = _NUMBER.fullmatch(job.name)
        assert match
        return f"{match['sweep']}.{int(match['number'] or 1) + 1}"

    def start(
        self,
        name: str,
        sweep: str,
        command: str,
        ship: bool,
        variables: Mapping[str, str] | None = None,
        *,
        training: bool = False,
    ) -> Job:
        """Start a job of ours.

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
        self._submit(
            {
                "entrypoint": command,
                "submission_id": name,
                "runtime_env": runtime,
                "metadata": {TAG: sweep} | ({TRAINING: "yes"} if training else {}),
            }
        )
        return self.state(name)

    def _submit(self, request: dict[str, Any]) -> None:
        """Hand a job in; a head that has only just started takes none for some seconds."""
        until = time.monotonic() + AGENT_WAIT
        while True:
            try:
                with self._errors():
                    self._client.submit_job(**request)
                return
            except ClusterError as error:
                if "already exists" in str(error.__cause__):
                    job = self.find(request["submission_id"])
                    raise InUseError(
                        f"{job.name}: has been submitted already, and is {job.state}.\n"
                        f"Follow it: {self.command('logs', job)}\n"
                        f"Go on with it once it has ended: {self.command('resume', job)}"
                    ) from None
                if "No available agent" not in str(error.__cause__) or time.monotonic() > until:
                    raise
            time.sleep(POLL)

    def state(self, name: str) -> Job:
        """How a job stands."""
        with self._errors():
            return _job(self._client.get_job_info(name))

    def stop(self, job: Job) -> Job:
        """Have a job's trials write their checkpoints and end; returns when it has ended."""
        with self._errors():
            self._client.stop_job(job.name)
        return self.wait(job.name)

    def begun(self, job: Job) -> Job:
        """Wait until a job's sweep has begun or was refused, or for `BEGINS_WITHIN`."""
        until = time.monotonic() + BEGINS_WITHIN
        while True:
            job = self.state(job.name)
            if (
                job.ended
                or any(mark in self.logs(job) for mark in BEGUN)
                or time.monotonic() > until
            ):
                return job
            time.sleep(POLL)

    def words(self, job: Job) -> list[str]:
        """The lines that our command has written, without those of Ray's."""
        lines = [line for line in self.logs(job).splitlines() if line.strip()]
        starts = [at for at, line in enumerate(lines) if line.startswith("Running entrypoint")]
        return lines[starts[0] + 1 :] if starts else lines

    def wait(self, name: str) -> Job:
        """Wait for a job's end."""
        while not (job := self.state(name)).ended:
            time.sleep(POLL)
        return job

    def logs(self, job: Job) -> str:
        """What a job has written so far."""
        with self._errors():
            return self._client.get_job_logs(job.name)

    def follow(self, job: Job) -> Job:
        """Copy what a job writes to stderr until it has ended."""
        written = 0
        while True:
            written = asyncio.run(self._copy(job.name, written))
            # The connection may break, and a job's last words may come after its stream has ended.
            now = self.state(job.name)
            text = self.logs(job)
            sys.stderr.write(text[written:])
            sys.stderr.flush()
            written = len(text)
            if now.ended:
                return now
            time.sleep(POLL)

    async def _copy(self, name: str, written: int) -> int:
        """Copy a job's stream while it lasts, without what was written before; where it ended."""
        place = 0
        with contextlib.suppress(RuntimeError, OSError):
            async for text in self._client.tail_job_logs(name):
                sys.stderr.write(text[max(0, written - place) :])
                sys.stderr.flush()
                place += len(text)
        return max(place, written)

    def command(self, verb: str, job: Job) -> str:
        """What to type to do something with a job."""
        more = " --follow" if verb == "logs" else ""
        return f"colorsweep {verb} {sweep_of(job.name)}{more} --address {self.address}"


def words_of(*command: str) -> str:
    """A command of ours as a node's shell runs it."""
    return shlex.join(["python", "-m", "search", *command, "--address", "auto"])


def sweep_of(name: str) -> str:
    """The name of a job's sweep, without the number of a job that went on with it."""
    match = _NUMBER.fullmatch(name)
    assert match
    return match["sweep"]


def _job(details: JobDetails) -> Job:
    return Job(
        name=details.submission_id,
        state=details.status.value,
        exit_code=details.driver_exit_code,
        sweep=(details.metadata or {}).get(TAG, ""),
        message=details.message,
        training=TRAINING in (details.metadata or {}),
    )


def _installation() -> list[str]:
    """The folders of this installation's packages, and of what tells their version."""
    specs = [find_spec(package) for package in ("colornet", "reports", "search", "spaces")]
    folders = [Path(next(iter(spec.submodule_search_locations or ()))) for spec in specs if spec]
    distribution = metadata.distribution("colorsweep")
    name = f"colorsweep-{distribution.version}.dist-info"
    folders.append(Path(str(distribution.locate_file(name))))
    return [str(folder) for folder in folders if folder.is_dir()]
