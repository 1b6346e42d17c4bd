"""A sweep whose folder is a URI: records, checkpoints and lease on an S3 server of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colornet.storage import Storage
from search.records.lease import holder
from search.records.reader import read_states, read_sweep

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SWEEP = "s3://pictures/sweeps/first"
STUDY = """
version: 1
question: Does a sweep need a disk?
base: pix2pix-small
fixed: {data.image_size: 16, training.images: 2048, training.ticks: 8, training.checkpoint_every: 1}
space: {optimizer.generator_lr: {loguniform: [1e-5, 1e-2]}}
objectives: {val_ab_mae: minimize}
sampler: random
budget: {trials: 5}
"""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server with a bucket; commands find it by their environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "a-secret-key-that-is-nowhere",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="pictures")
    yield
    server.stop()


def colorsweep(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "search", *words],
        cwd=folder,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """What a command has written to stdout, once it has ended as it should."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in out + err
    return out


def test_killed_resumed_and_reported(tmp_path: Path, s3: None) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    storage = Storage.at(SWEEP)
    driver = colorsweep(tmp_path, "run", "study.yaml", "--out", SWEEP)
    until = time.monotonic() + 200
    while not storage.folders("checkpoints/t00002/attempt-000"):
        assert driver.poll() is None and time.monotonic() < until, driver.communicate()
        time.sleep(0.1)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert holder(storage) is not None
    before = read_sweep(SWEEP)

    assert "5 completed" in done(colorsweep(tmp_path, "resume", SWEEP))
    found = read_sweep(SWEEP)
    assert found.problems == []
    assert found.trials["number"].tolist() == list(range(5))
    assert set(found.trials["state"]) == {"completed"}
    for _, ticks in found.ticks.groupby("trial_id"):
        assert ticks["tick"].tolist() == list(range(1, 9))
    states, _ = read_states(SWEEP)
    again = states[states["attempt"] > 0]["trial_id"].unique()
    assert set(again) == set(before.trials.query("state == 'running'")["trial_id"])
    assert holder(storage) is None
    assert storage.folders("checkpoints") == []
    best = found.ticks.query("tick == 8").nsmallest(3, "val_ab_mae")["trial_id"]
    kept = [f"{trial_id}{end}" for trial_id in best for end in (".json", ".safetensors")]
    assert sorted(storage.names("checkpoints")) == sorted(kept)

    assert json.loads(done(colorsweep(tmp_path, "status", SWEEP, "--json")))["finished"]
    done(colorsweep(tmp_path, "report", SWEEP))
    assert (tmp_path / "first.html").stat().st_size > 100_000
    done(colorsweep(tmp_path, "best", SWEEP, "-o", "best.yaml"))
    assert "generator_lr" in (tmp_path / "best.yaml").read_text()
    refused = colorsweep(tmp_path, "run", "study.yaml", "--out", SWEEP)
    assert "is not an empty folder" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    nowhere = colorsweep(tmp_path, "run", "study.yaml", "--out", "s3://no-such-bucket/x")
    out, err = nowhere.communicate(timeout=60)
    assert (nowhere.returncode, out) == (2, "")
    assert "no-such-bucket" in err and len(err.splitlines()) <= 3
