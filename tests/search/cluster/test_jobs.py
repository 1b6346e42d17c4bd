"""Sweeps as jobs, against a stand-in for Ray's job client."""

import socket
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.job_submission import JobStatus

from colornet.errors import ClusterError, InputError, InUseError
from search.cluster import job_commands
from search.cluster import jobs as cluster_module
from search.cluster.auth import Endpoint
from search.cluster.job_commands import logs, rejection_text
from search.cluster.jobs import STUDY, TAG, Cluster, Job, sweep_of


class Client:
    """What the Jobs API would answer."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.requests: list[dict[str, Any]] = []
        self.refusals: list[str] = []
        self.written = ""

    def add(self, name: str, status: str, code: int | None = None, tag: bool = True) -> None:
        self.found[name] = SimpleNamespace(
            submission_id=name,
            status=JobStatus(status),
            driver_exit_code=code,
            metadata={TAG: f"/shared/{sweep_of(name)}"} if tag else {},
            message=None,
            start_time=len(self.found),
        )

    def submit_job(self, **request: Any) -> str:
        if self.refusals:
            raise RuntimeError(f"Request failed with status code 500: {self.refusals.pop(0)}")
        name = request["submission_id"]
        if name in self.found:
            raise RuntimeError(f"Traceback\nJob with submission_id {name} already exists.")
        self.requests.append(request)
        self.add(name, "PENDING")
        return name

    def list_jobs(self) -> list[Any]:
        return list(self.found.values())

    def get_job_info(self, name: str) -> Any:
        return self.found[name]

    def get_job_logs(self, name: str) -> str:
        return self.written

    def stop_job(self, name: str) -> None:
        self.found[name].status = JobStatus.STOPPED


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    found = Client()
    monkeypatch.setattr(cluster_module, "JobSubmissionClient", lambda address: found)
    monkeypatch.setattr(cluster_module, "POLL", 0.01)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://elsewhere:1")
    return found


@pytest.fixture
def head(client: Client) -> Cluster:
    address = "http://127.0.0.1:8265"
    here = Endpoint("dashboard", address, metadata.version("ray"))
    return Cluster(here)


def test_a_cluster_without_sweeps(client: Client, head: Cluster) -> None:
    client.add("other", "RUNNING", tag=False)
    assert head.jobs() == []
    with pytest.raises(InputError, match="runs no sweep"):
        head.find(None)
    with pytest.raises(InputError, match="no such job"):
        head.find("other")


def test_a_sweep_is_submitted_once(client: Client, head: Cluster) -> None:
    job = head.submit_sweep({"question": "What's it?"}, "/shared/sweeps/first", ship=False)
    assert job == Job("first", "PENDING", None, "/shared/first")
    (request,) = client.requests
    assert request["submission_id"] == "first"
    assert request["metadata"] == {TAG: "/shared/sweeps/first"}
    assert "run /dev/stdin --out /shared/sweeps/first --address auto" in request["entrypoint"]
    variables = request["runtime_env"]["env_vars"]
    assert "What's it?" in variables[STUDY]
    assert int(variables["RAY_JOB_STOP_WAIT_TIME_S"]) >= 20
    assert "py_modules" not in request["runtime_env"]
    with pytest.raises(InUseError) as refused:
        head.submit_sweep({}, "/shared/sweeps/first", ship=False)
    assert "colorsweep logs first --follow --address http://127.0.0.1:" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 3


def test_a_path_is_quoted_for_the_shell(client: Client, head: Cluster) -> None:
    head.submit_sweep({}, "/shared/$(touch x) 'y'/first", ship=False)
    (request,) = client.requests
    assert """'/shared/$(touch x) '"'"'y'"'"'/first'""" in request["entrypoint"]


def test_code_is_shipped_as_folders_with_its_version(client: Client, head: Cluster) -> None:
    head.submit_sweep({}, "/shared/first", ship=True)
    folders = [Path(folder) for folder in client.requests[0]["runtime_env"]["py_modules"]]
    names = [folder.name for folder in folders]
    assert names[:4] == ["colornet", "reports", "search", "spaces"]
    assert all((folder / "__init__.py").is_file() for folder in folders[:4])
    for folder in folders[4:]:  # where a source tree is installed, its version lies in it
        assert folder.name == f"colorsweep-{metadata.version('colorsweep')}.dist-info"


def test_a_head_that_has_just_started_is_waited_for(client: Client, head: Cluster) -> None:
    client.refusals = ["No available agent to submit job, please try again later.."] * 2
    assert head.submit_sweep({}, "/shared/first", ship=False).name == "first"
    client.refusals = ["the disk is full"]
    with pytest.raises(ClusterError, match="disk is full"):
        head.submit_sweep({}, "/shared/second", ship=False)


def test_each_time_it_goes_on_is_a_job_of_its_own(client: Client, head: Cluster) -> None:
    job = head.submit_sweep({}, "/shared/first", ship=False)
    with pytest.raises(InUseError, match="still runs"):
        head.resume_sweep(job, ship=False)
    job = head.stop(job)
    assert (job.ended, job.result) == (True, 130)
    for name in ("first.2", "first.3"):
        job = head.resume_sweep(head.find("first"), ship=False)
        assert (job.name, job.sweep) == (name, "/shared/first")
        assert "resume /shared/first --address auto" in client.requests[-1]["entrypoint"]
        head.stop(job)
    assert head.find("fir").name == head.find(None).name == "first.3"
    assert head.find("first.2").name == "first.2"


def test_names_that_begin_alike(client: Client, head: Cluster) -> None:
    for name in ("sea-a", "sea-b", "sea-b.2"):
        client.add(name, "RUNNING")
    with pytest.raises(InputError, match="several jobs begin like that: sea-a, sea-b"):
        head.find("sea")
    assert head.find("sea-b").name == "sea-b.2"


@pytest.mark.parametrize(
    ("state", "code", "ended", "result"),
    [
        ("SUCCEEDED", 0, True, 0),
        ("FAILED", 4, True, 4),
        ("FAILED", None, True, 1),
        ("STOPPED", None, True, 130),
        ("RUNNING", None, False, 1),
        ("PENDING", None, False, 1),
    ],
)
def test_exit_codes(state: str, code: int | None, ended: bool, result: int) -> None:
    job = Job("first", state, code, "/shared/first")
    assert (job.ended, job.result) == (ended, result)


def test_following_copies_each_word_once(
    client: Client, head: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stream breaks off in mid-word, comes again, and its end comes late."""
    job = head.submit_sweep({}, "/shared/first", ship=False)
    whole, streams = "one two three four", iter([["one ", "tw"], ["one two ", "three"]])

    async def tail(name: str) -> Any:
        for text in next(streams):
            client.written += text[len(client.written) - whole.index(text) :]
            yield text
        client.written = "one two" if client.written == "one tw" else whole
        if client.written == whole:
            client.found[name].status = JobStatus.SUCCEEDED
        raise RuntimeError("the connection was closed")

    client.tail_job_logs = tail
    assert head.follow(job).state == "SUCCEEDED"
    assert capsys.readouterr().err == whole


def test_a_sweep_that_begins_or_is_refused(
    client: Client, head: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    preamble = "12:00 INFO Runtime env\nRunning entrypoint for job first: python\n"
    job = head.submit_sweep({}, "/shared/first", ship=False)
    client.written = f"{preamble}Sweep /shared/first\nNodes 2, which\n"
    assert head.wait_for_start(job).state == "PENDING"
    client.written = f"{preamble}/photos: no such folder.\nGive another.\n"
    client.add("first", "FAILED", 2)
    job = head.wait_for_start(job)
    assert job.exit_code == 2
    assert head.output_lines(job) == ["/photos: no such folder.", "Give another."]
    assert (
        rejection_text(head.output_lines(job), "/photos")
        .splitlines()[-1]
        .endswith("colorsweep data pack /photos -o URI")
    )
    assert rejection_text(head.output_lines(job), None) == "/photos: no such folder.\nGive another."
    monkeypatch.setattr(cluster_module, "START_WAIT", 0.0)
    client.written = preamble
    client.add("first", "RUNNING")
    assert head.wait_for_start(job).state == "RUNNING"


def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ClusterError, match=f"http://127.0.0.1:{port}: no Ray cluster answers"):
        logs(address=f"http://127.0.0.1:{port}")


def test_another_version_of_ray(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Endpoint("dashboard", "http://127.0.0.1:8265", "2.9.0")
    monkeypatch.setattr(job_commands, "connect", lambda asked: there)
    with pytest.raises(ClusterError, match=r"Ray 2\.9\.0"):
        logs(address=there.address)
