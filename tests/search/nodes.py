"""A Ray cluster of several nodes on this machine, as real processes of `ray start`."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

SMALL = "100000000"
"""Bytes of a node's object store."""
STARTS_WITHIN = 90.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def descendants(pid: int) -> list[int]:
    """A process's children, theirs, and so on."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def command_of(pid: int) -> str:
    """A process's command line; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Nodes:
    """A head without CPUs and nodes of one CPU each, with token authentication.

    Args:
        dashboard: whether the head has one.

    Attributes:
        address: of the head's dashboard.
        gcs: of the head, for drivers.
        environment: of commands that talk to it.
        nodes: the processes of `ray start --block`, without the head's.
    """

    def __init__(self, count: int, *, dashboard: bool = True) -> None:
        # A short path: Ray's sockets lie in there.
        self.folder = Path(tempfile.mkdtemp(prefix="rc", dir="/tmp"))
        token = self.folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        port, its_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{its_port}"
        self.gcs = f"{socket.gethostbyname(socket.gethostname())}:{port}"
        python = str(Path(sys.executable).parent)
        self.environment = {
            **{name: value for name, value in os.environ.items() if "RAY" not in name},
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "COLORSWEEP_ADDRESS": self.address,
            "COLORSWEEP_CACHE": str(self.folder / "cache"),
        }
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.head = self._start(
            *("--head", "--port", str(port), "--num-cpus", "0"),
            *("--dashboard-port", str(its_port), "--temp-dir", str(self.folder / "ray")),
            f"--include-dashboard={str(dashboard).lower()}",
        )
        if dashboard:
            self._wait_for(self.address)
        for _ in range(count):
            self.add()

    def add(self) -> "subprocess.Popen[bytes]":
        """Start one more node."""
        self.nodes.append(self._start("--address", self.gcs, "--num-cpus", "1"))
        return self.nodes[-1]

    def kill(self, node: "subprocess.Popen[bytes]") -> None:
        """End a node's processes at once, its workers' too."""
        kill([*descendants(node.pid), node.pid])
        node.wait()
        if node in self.nodes:
            self.nodes.remove(node)

    def busy(self) -> list["subprocess.Popen[bytes]"]:
        """The nodes on which a trial's process is."""
        return [node for node in self.nodes if self._workers_of(node)]

    def end(self, worker: int) -> None:
        """End one process at once."""
        kill([worker])

    def workers(self) -> list[int]:
        """The processes of trials."""
        return [pid for node in self.nodes for pid in self._workers_of(node)]

    @staticmethod
    def _workers_of(node: "subprocess.Popen[bytes]") -> list[int]:
        return [pid for pid in descendants(node.pid) if "ResourceTrainable" in command_of(pid)]

    def _start(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start a node; returns when it runs. Two at a time may choose the same sockets."""
        path = self.folder / f"node-{secrets.token_hex(4)}.log"
        log = path.open("wb")
        started = subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options),
                *("--object-store-memory", SMALL, "--disable-usage-stats"),
                *("--dashboard-agent-listen-port", str(free_port())),
            ],
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        until = time.monotonic() + STARTS_WITHIN
        while b"Ray runtime started" not in path.read_bytes():
            assert started.poll() is None and time.monotonic() < until, path.read_text()[-2000:]
            time.sleep(0.2)
        return started

    def _wait_for(self, address: str) -> None:
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{address}/api/version", timeout=5).close()
                return
            except OSError as error:
                if getattr(error, "code", None) == 401:
                    return  # it is there, and asks for the token
                assert time.monotonic() < until, f"no head after {STARTS_WITHIN} s"
            time.sleep(0.5)

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for node in [*self.nodes, self.head]:
            if node.poll() is None:
                self.kill(node)
        kill([pid for pid in all_processes() if str(self.folder) in command_of(pid)])
        shutil.rmtree(self.folder, ignore_errors=True)
