"""A look at the nodes of a real cluster: one head and two nodes, with a token."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import ClusterError
from search.cluster import cluster_probe, node_probe
from search.cluster.auth import Endpoint, connect, is_open
from search.cluster.cluster_probe import probe_nodes

TOKEN = "canary-token-0123456789abcdef"
BIN = Path(sys.executable).parent
WAIT = 90
"""Seconds for a node of Ray to start in."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster: two addresses, and a folder that the last node has for itself alone."""

    dashboard: str
    gcs: str
    shared: Path
    alone: Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def can_mount() -> bool:
    """Whether a node can be given a folder that others do not see."""
    command = ["unshare", "--mount", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command).returncode == 0


def start(arguments: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen:
    """A node of Ray as a process group of its own; returns once it has started.

    Two that start at a time on one machine may choose the same names for their sockets.
    """
    # Of several clusters on a machine only one has the agent's usual port, which jobs need.
    arguments = [*arguments, f"--dashboard-agent-listen-port={free_port()}"]
    with log.open("w") as out:
        process = subprocess.Popen(
            arguments, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    until = time.monotonic() + WAIT
    while "Ray runtime started" not in log.read_text():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(f"no node of Ray within {WAIT} s: {log.read_text()[-2000:]}")
        time.sleep(0.5)
    return process


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes of one CPU; to the third, where that can be done, one folder is its own."""
    # Ray's sockets lie below this folder, and their paths may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="cs-", dir="/tmp"))
    alone, ports = folder / "alone", (free_port(), free_port())
    for one in (alone, folder / "shared"):
        one.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
    }
    kept = {name: os.environ.get(name) for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")}
    os.environ.update({name: environment[name] for name in kept})
    common = ["--num-cpus=1", "--num-gpus=0", "--object-store-memory=80000000", "--block"]
    ray = [str(BIN / "ray"), "start", *common]
    head = [f"--port={ports[0]}", f"--dashboard-port={ports[1]}", f"--temp-dir={folder}/ray"]
    apart = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {alone} && exec "$@"', "sh"]
    started = []
    try:
        started.append(start([*ray, "--head", *head], environment, folder / "head.log"))
        gcs = (folder / "ray" / "ray_current_cluster").read_text().strip()
        node = [*ray, f"--address={gcs}"]
        started.append(start(node, environment, folder / "node.log"))
        node = [*apart, *node] if can_mount() else node
        started.append(start(node, environment, folder / "apart.log"))
        yield Cluster(f"http://127.0.0.1:{ports[1]}", gcs, folder / "shared", alone)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder, ignore_errors=True)


def states(address: str, **places: str) -> tuple[list[tuple[str, str]], int]:
    """(name, state) of every check, and the exit code; in a process that has read no token yet."""
    options = [word for name, place in places.items() for word in (f"--{name}", place)]
    words = ["doctor", "--json", "--image-size", "64", "--address", address, *options]
    done = subprocess.run(
        [sys.executable, "-m", "search", *words], capture_output=True, text=True, timeout=120
    )
    assert TOKEN not in done.stdout + done.stderr
    found = json.loads(done.stdout)["checks"]
    named = [(one["name"], one["state"]) for one in found]
    return [one for one in named if one[0] not in ("token file", "token")], done.returncode


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("form", ["dashboard", "gcs"])
def test_a_cluster_that_is_well(cluster: Cluster, form: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    address = getattr(cluster, form)
    assert not is_open(connect(address))
    found, code = states(address, storage=str(cluster.shared), data=str(tmp_path))
    assert code == 0
    assert {state for name, state in found if name not in ("memory", "/dev/shm", "disk")} == {"ok"}
    assert {name for name, _ in found} >= {
        *{"cluster", "cluster token", "nodes", "versions", "packages", "State API", "GPUs"},
        *{"memory", "/dev/shm", "disk", "storage", "data", "pack", "clock"},
    }
    assert list(cluster.shared.iterdir()) == []


@pytest.mark.ray
@pytest.mark.slow
def test_nodes_are_told_apart(cluster: Cluster) -> None:
    answer = probe_nodes(connect(cluster.gcs), None, None)
    assert len({one["id"] for one in answer["nodes"]}) == 3
    assert sum(one["head"] for one in answer["nodes"]) == 1
    assert all(abs(one["clock"]) < 1 for one in answer["nodes"])
    assert all("writes" not in one for one in answer["nodes"])


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="needs the right to mount")
def test_storage_that_one_node_has_for_itself(cluster: Cluster) -> None:
    """It writes well, but the next does not see it, and it does not see another's."""
    answer = probe_nodes(connect(cluster.gcs), str(cluster.alone), str(cluster.alone / "no"))
    assert [one["writes"] for one in answer["nodes"]] == [None] * 3
    assert sorted(str(one["reads"]) for one in answer["nodes"]) == [
        *["No such file or directory"] * 2,
        "None",
    ]
    found, code = states(cluster.gcs, storage=str(cluster.alone), data=str(cluster.alone / "no"))
    assert code == 2
    assert found.count(("storage", "failed")) == 2
    assert found.count(("data", "failed")) == 3


@pytest.mark.ray
@pytest.mark.slow
def test_storage_that_cannot_be_written(cluster: Cluster) -> None:
    found, code = states(cluster.dashboard, storage="/proc/sweeps")
    assert code == 2
    assert found.count(("storage", "failed")) == 3


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("form", ["dashboard", "gcs"])
@pytest.mark.parametrize(
    ("mode", "token", "says"),
    [
        ("token", "canary-wrong", "is wrong or has expired"),
        ("token", None, "there is none here"),
        ("", TOKEN, "only with RAY_AUTH_MODE=token"),
    ],
)
def test_who_is_not_let_in(
    *,
    cluster: Cluster,
    form: str,
    mode: str,
    token: str | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setenv("RAY_AUTH_TOKEN", token) if token else monkeypatch.delenv("RAY_AUTH_TOKEN")
    began = time.monotonic()
    with pytest.raises(ClusterError, match=says) as raised:
        connect(getattr(cluster, form))
    assert time.monotonic() - began < 60
    assert "canary" not in str(raised.value)


@pytest.mark.ray
@pytest.mark.slow
def test_what_ray_itself_says_to_a_wrong_token_is_explained(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a driver and as a Jobs client, in processes of their own: Ray reads a token once."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "canary-wrong")
    # Ray tries twice for ten seconds each; once is enough here.
    monkeypatch.setattr("ray._private.ray_constants.NUM_REDIS_GET_RETRIES", 1)
    with pytest.raises(ClusterError, match="is wrong or has expired"):
        probe_nodes(Endpoint("gcs", cluster.gcs, "2.60.0"), None, None)
    script = (
        "from ray.job_submission import JobSubmissionClient\n"
        "from search.cluster.auth import explain_error\n"
        f"try: JobSubmissionClient({cluster.dashboard!r})\n"
        "except Exception as error: print(explain_error(error, 'there'))\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
    assert said.startswith("there: the token from RAY_AUTH_TOKEN is wrong or has expired")


def test_this_machine_answers_for_itself(tmp_path: Path) -> None:
    answer = probe_nodes(None, str(tmp_path / "new" / "folder with spaces"), str(tmp_path))
    (only,) = answer["nodes"]
    assert (only["writes"], only["reads"], only["missing"]) == (None, None, [])
    assert only["data"] == {"found": True, "pictures": 0, "more": False}


def test_pictures_are_counted_in_all_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.JPG", "b.png", "c.txt", "deep/d.webp"):
        (tmp_path / name).write_bytes(b"")
    look = node_probe._data
    assert look(str(tmp_path)) == {"found": True, "pictures": 3, "more": False}
    assert look(f"file://{tmp_path}/deep") == {"found": True, "pictures": None}
    for gone in (f"{tmp_path}/gone", f"file://{tmp_path}/gone", "nope://x"):
        assert look(gone) == {"found": False, "pictures": None}
    monkeypatch.setattr(node_probe, "MAX_FILES", 2)
    assert look(str(tmp_path))["more"] is True


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", "h: the nodes could not be looked at: nothing was printed"),
        ('colorsweep-nodeprobe {"error": "ModuleNotFoundError: No module named \'ray\'"}', "PATH"),
        ('colorsweep-nodeprobe {"error": "ConnectionError: Failed to connect"}', "no Ray cluster"),
    ],
)
def test_a_look_that_failed(printed: str, said: str) -> None:
    with pytest.raises(ClusterError, match=said):
        cluster_probe._parse_output(f"Ray says hello\n{printed}\n", "", "h")


def test_a_look_that_answers_among_other_lines() -> None:
    found: dict[str, Any] = cluster_probe._parse_output(
        'x\ncolorsweep-nodeprobe {"nodes": []}\n', "", "h"
    )
    assert found == {"nodes": []}
