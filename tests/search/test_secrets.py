"""Five planted secrets, and everything that commands print and leave: none of them is in there."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from colornet.storage import Storage
from search.records.parts import SCHEMAS, part_names, read_parts

pytestmark = [pytest.mark.ray, pytest.mark.slow]

PLANTED = ("environment", "url", "file", "study", "config")
SECRETS = {name: f"canary-{name}-0123456789" for name in PLANTED}
STUDY = """
version: 1
question: Does anything leak?
base: pix2pix-small
fixed: {data.image_size: 16, training.images: 64, training.ticks: 2}
space: {optimizer.generator_lr: {loguniform: [1e-5, 1e-2]}}
objectives: {val_ab_mae: minimize}
sampler: random
budget: {trials: 2}
confirm: {top: 1, replicates: 2}
"""


def leaks(data: bytes) -> list[str]:
    """The secrets that are in some bytes."""
    return [name for name, secret in SECRETS.items() if secret.encode() in data]


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of somebody who keeps secrets in the environment and in Ray's token file."""
    sessions = tempfile.mkdtemp(prefix="rc", dir="/tmp")  # a short path: Ray's sockets lie in there
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "token").write_text(SECRETS["file"])
    (private / "token").chmod(0o600)
    yield {
        **{name: value for name, value in os.environ.items() if "RAY" not in name},
        "WANDB_API_KEY": SECRETS["environment"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["environment"],
        "HTTPS_PROXY": f"http://me:{SECRETS['url']}@127.0.0.1:9",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(private / "token"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": sessions,
    }
    shutil.rmtree(sessions, ignore_errors=True)


def run(folder: Path, environment: dict[str, str], *words: str, code: int = 0) -> None:
    """Run a command, keep what it prints beside what it leaves."""
    done = subprocess.run(
        [sys.executable, "-m", "search", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=400,
    )
    assert done.returncode == code, done.stderr
    number = len(list(folder.glob("printed-*")))
    (folder / f"printed-{number}-{words[0]}").write_bytes(done.stdout + done.stderr)


def test_none_leaks(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    planted = STUDY.replace("Does anything leak?", f"WANDB_API_KEY={SECRETS['study']}")
    uri = f"data.root=s3://me:{SECRETS['config']}@bucket/x"
    inputs = {
        "study.yaml": STUDY,
        "with-secret.yaml": planted,
        "config.yaml": f"data: {{source: folder, root: 's3://me:{SECRETS['config']}@bucket/x'}}\n",
    }
    for name, text in inputs.items():
        (folder / name).write_text(text)

    run(folder, environment, "run", "with-secret.yaml", "--out", "refused", code=2)
    more = ["--set", "data.source=folder", "--set", uri]
    run(folder, environment, "run", "study.yaml", "--out", "refused", *more, code=2)
    run(folder, environment, "plan", "study.yaml", *more, code=2)
    run(folder, environment, "train", "config.yaml", "--out", "refused", code=2)
    assert not (folder / "refused").exists()

    run(folder, environment, "run", "study.yaml", "--out", "sweep")
    for command in ("status", "logs", "report", "best"):
        run(folder, environment, command, "sweep")
    run(folder, environment, "best", "sweep", "--json", "-o", "best.yaml")
    run(folder, environment, "train", "best.yaml", "--out", "model")
    run(folder, environment, "manifest", "slurm", "study.yaml", "-o", "sweep.sh")
    run(folder, environment, "manifest", "kuberay", "study.yaml")
    run(folder, environment, "doctor", "--json")
    run(folder, environment, "status", "x", "--address", "http://127.0.0.1:9", code=3)

    there = {str(path.relative_to(folder)) for path in files_of(folder)}
    assert {"model/model.safetensors", "sweep/report.html", "best.yaml", "sweep.sh"} <= there
    assert leaking(folder) == {"config.yaml": ["config"], "with-secret.yaml": ["study"]}
    storage = Storage.at(folder / "sweep")
    for table in SCHEMAS:  # what is packed cannot be seen from outside
        assert part_names(storage, table)
        content, torn = read_parts(storage, table)
        assert content is not None and torn == {}
        assert leaks(str(content.to_pydict()).encode()) == [], table
    sessions = Path(environment["RAY_TMPDIR"])
    assert any("session_" in str(path) for path in files_of(sessions))
    assert leaking(sessions) == {}


def leaking(folder: Path) -> dict[str, list[str]]:
    """The files below a folder that hold secrets, and which."""
    found = {str(path.relative_to(folder)): leaks(path.read_bytes()) for path in files_of(folder)}
    return {path: names for path, names in found.items() if names}
