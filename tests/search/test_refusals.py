"""What cannot work is refused by whole commands: soon, in a sentence, with the right exit code."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from nodes import Nodes, free_port

pytestmark = [pytest.mark.ray, pytest.mark.slow]

WITHIN = 30.0
"""Seconds: three times what is promised, for a machine that does other things as well."""
STUDY = """
version: 1
question: Will it be refused?
base: pix2pix-small
fixed: {data.image_size: 16, training.images: 64, training.ticks: 2}
space: {optimizer.generator_lr: {loguniform: [1e-5, 1e-2]}}
objectives: {val_ab_mae: minimize}
budget: {trials: 2}
"""
OTHER_VERSION = """
import importlib.metadata, os, platform
real = importlib.metadata.version
if os.environ["PRETEND"] == "python":
    platform.python_version = lambda: "3.12.4"
else:
    importlib.metadata.version = lambda name: "2.59.0" if name == "ray" else real(name)
    import ray
    ray.__version__ = "2.59.0"
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with Nodes(0) as found:
        yield found


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def silent() -> Iterator[str]:
    """HOST:PORT where somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)])
    if made.returncode:
        pytest.skip("may not mount a disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def refused(folder: Path, environment: Mapping[str, str], code: int, *words: str) -> str:
    """What a command says that has to be refused."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "search", *words],
        cwd=folder,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    took = time.monotonic() - began
    print(f"{took:5.1f} s  {' '.join(words)}: {done.stderr.strip()}")
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert took < WITHIN
    said = [line for line in done.stderr.strip().splitlines() if not line.startswith("Sweep ")]
    assert 1 <= len(said) <= 3
    return "\n".join(said)


def commands(dashboard: str, gcs: str) -> list[tuple[str, ...]]:
    """The commands that talk to a cluster, by either of its addresses."""
    return [
        ("submit", "study.yaml", "--out", "/shared/x", "--address", dashboard),
        ("status", "x", "--address", dashboard),
        ("run", "study.yaml", "--out", "x", "--address", gcs),
    ]


def test_a_cluster_that_does_not_answer(study: Path, silent: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    for place in (nobody, silent):
        for words in commands(f"http://{place}", place):
            assert "no Ray cluster answers there" in refused(study, {}, 3, *words)
    assert not (study / "x").exists()


def test_a_token_that_is_wrong_or_missing(study: Path, nodes: Nodes) -> None:
    home = {"HOME": str(study)}
    wrong = {**nodes.environment, "RAY_AUTH_TOKEN": "a-wrong-token-0123456789", **home}
    none = {**nodes.environment, "RAY_AUTH_TOKEN_PATH": "", **home}
    for words in commands(nodes.address, nodes.gcs):
        assert "is wrong or has expired" in refused(study, wrong, 3, *words)
        assert "there is none here" in refused(study, none, 3, *words)
    assert not (study / "x").exists()


@pytest.mark.parametrize("pretend", ["ray", "python"])
def test_another_version(study: Path, nodes: Nodes, pretend: str) -> None:
    """The cluster is real, and this process says that it is of another version."""
    (study / "sitecustomize.py").write_text(OTHER_VERSION)
    path = os.pathsep.join([str(study), os.environ.get("PYTHONPATH", "")])
    environment = {**nodes.environment, "PYTHONPATH": path, "PRETEND": pretend}
    words = commands(nodes.address, nodes.gcs)
    for one in words if pretend == "ray" else words[-1:]:  # a job runs the cluster's own Python
        said = refused(study, environment, 3, *one)
        means = "Python 3.12.4" if pretend == "python" else "Ray 2.59.0"
        assert f"and this process {means}: install the cluster's versions here" in said
    assert not (study / "x").exists()


def test_a_full_disk(study: Path, disk: Path) -> None:
    out = refused(study, {}, 2, "run", "study.yaml", "--out", str(disk / "sweep"))
    assert "MB are free there" in out and "--out" in out
    cache = {"COLORSWEEP_CACHE": str(disk / "cache")}
    assert "COLORSWEEP_CACHE" in refused(study, cache, 2, "run", "study.yaml", "--out", "x")
    pictures = study / "pictures"
    pictures.mkdir()
    for name in ("a", "b", "c"):
        write_picture(pictures / f"{name}.png")
    pack = ("data", "pack", str(pictures), "-o", str(disk / "pack"))
    assert "also -o" in refused(study, {}, 2, *pack)
    assert not (study / "x").exists()
    (disk / "fill").write_bytes(bytes(2**20 - len(os.listdir(disk)) * 4096))
    assert "MB are free there" in refused(
        study, {}, 2, "run", "study.yaml", "--out", str(disk / "sweep")
    )


def write_picture(path: Path) -> None:
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(len(str(path))).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def test_storage_that_is_read_only(study: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro,size=200m", str(disk)], check=True)
    said = refused(study, {}, 2, "run", "study.yaml", "--out", str(disk / "sweep"))
    assert f"{disk}/sweep: cannot be written: Read-only file system" in said


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


def test_a_bucket_that_is_not_there(study: Path, silent: str, s3: str) -> None:
    places = {
        f"127.0.0.1:{free_port()}": "Could not connect",
        silent: "cannot be reached",
        s3: "there is no bucket nobody-has-it",
    }
    for place, means in places.items():
        environment = {
            "AWS_ENDPOINT_URL": f"http://{place}",
            "AWS_ACCESS_KEY_ID": "an-access-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret-key-that-is-nowhere",
        }
        uri = "s3://nobody-has-it/x"
        assert means in refused(study, environment, 2, "run", "study.yaml", "--out", uri)
        assert means in refused(study, environment, 2, "status", uri)
        given = ("run", "study.yaml", "--out", "x", "--data", uri)
        assert means in refused(study, environment, 2, *given)
    assert not (study / "x").exists()


def test_resources_that_nobody_has(study: Path) -> None:
    for key, value in {"workers": 1000, "gpus": 99}.items():
        words = ("run", "study.yaml", "--out", key, "--set", f"resources.{key}={value}")
        assert f"resources.{key}: {value}: " in refused(study, {}, 2, *words)
