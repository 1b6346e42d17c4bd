"""Final training here, or as a job of a cluster."""

from pathlib import Path
from typing import Any

import pytest

from colornet import commands
from colornet.cli_result import CliResult
from colornet.errors import InputError, InUseError
from search import final_training
from search.cluster.jobs import STUDY, Job, sweep_of

HEAD = "http://127.0.0.1:1"


def test_without_a_dashboard_it_trains_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def train(config: str, **options: Any) -> CliResult:
        asked.update(options, config=config)
        return CliResult("done")

    monkeypatch.setattr(commands, "train", train)
    assert final_training.train("best.yaml", workers=2, address="auto").message == "done"
    assert (asked["config"], asked["workers"], asked["address"]) == ("best.yaml", 2, "auto")


def test_a_job_needs_a_place_for_its_model() -> None:
    with pytest.raises(InputError, match="--out: is missing"):
        final_training.train("pix2pix-small", address=HEAD)


def test_what_is_wrong_with_a_config_is_said_before_the_cluster_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="imgaes"):
        final_training.train(
            "pix2pix-small", settings=["training.imgaes=5"], out=tmp_path / "m", address=HEAD
        )


class Jobs:
    """A cluster that knows some jobs and notes what it is to start."""

    def __init__(self, *jobs: Job) -> None:
        self.known = jobs
        self.started: dict[str, Any] = {}

    def jobs(self) -> list[Job]:
        return list(self.known)

    def next_name(self, job: Job) -> str:
        if not job.ended:
            raise InUseError(job.name)
        return f"{sweep_of(job.name)}.2"

    def submit_job(
        self, name: str, folder: str, command: str, ship: bool, variables: Any, **more: Any
    ):
        self.started = {"name": name, "folder": folder, "command": command, **more}
        self.variables = variables
        return Job(name, "PENDING", None, folder)


@pytest.mark.parametrize("before", [None, "STOPPED", "RUNNING"])
def test_the_same_again_goes_on_where_a_job_has_ended(before: str | None) -> None:
    known = [Job("other", "RUNNING", None, "/s/other")]
    known += [Job("model", before, None, "/s/model", training=True)] if before else []
    cluster = Jobs(*known)
    start = final_training._submit_training
    if before == "RUNNING":
        with pytest.raises(InUseError):
            start(cluster, "a: 1", [], Path("/s/model"), False)  # ty: ignore
        return
    start(cluster, "a: 1", ["--set", "x=a b"], Path("/s/model"), False)  # ty: ignore
    assert cluster.started["name"] == ("model.2" if before else "model")
    assert cluster.started["folder"] == "/s/model" and cluster.started["training"]
    assert cluster.variables == {STUDY: "a: 1"}
    assert cluster.started["command"].endswith("""--address auto "$file" --set 'x=a b'""")
