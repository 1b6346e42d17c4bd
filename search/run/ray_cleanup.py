"""Leaves no Ray process behind when a driver is killed, and no driver when Ray is.

The raylet and the workers of a killed driver end by themselves; Ray's agent processes can live on
for minutes. A small process of our own waits for the driver's death on a pipe, gives Ray a few
seconds, and ends what is left of that driver's session. Ray names a session after the process that
started it, and its processes carry that name in their command lines.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

GRACE = 5.0
"""Seconds in which Ray's processes may end by themselves."""


def reap_on_death() -> None:
    """Watch over the Ray session that this process has started; costs one idle process."""
    reader, writer = os.pipe()
    subprocess.Popen(
        [sys.executable, "-S", __file__, str(os.getpid())],
        stdin=reader,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(reader)
    os.set_inheritable(writer, False)  # closed by the kernel when this process ends, however


def leftovers(driver: int) -> list[int]:
    """Processes that belong to the Ray session of a driver."""
    pattern = re.compile(rb"/session_[0-9_-]+_%d(?![0-9_])" % driver)
    return [pid for pid, line in _command_lines() if pattern.search(line)]


def _command_lines() -> Iterator[tuple[int, bytes]]:
    """Each process of this machine, with its words, separated by NUL."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended since
            yield int(path.parent.name), path.read_bytes()


@contextlib.contextmanager
def watch_ray(node: str, on_death: Callable[[], None]) -> Generator[None, None, None]:
    """Call `on_death`, in a thread, when Ray's own process of this driver's node dies meanwhile.

    Nothing can be started then, and Ray leaves its driver waiting for ever, or ends it without a
    word some ten seconds later.

    Args:
        node: Ray's id of the node.
    """
    died, ours = os.pipe()
    watched = []
    for pid in _core(node):
        with contextlib.suppress(OSError, AttributeError):  # it has ended; no pidfd on this system
            watched.append(os.pidfd_open(pid))

    def watch() -> None:
        ready, _, _ = select.select([died, *watched], [], [])
        if died not in ready:
            on_death()

    thread = threading.Thread(target=watch, name="watch-ray", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(ours)
        thread.join()
        for descriptor in (died, *watched):
            os.close(descriptor)


def _core(node: str) -> list[int]:
    """Ray's own processes of a node on this machine: its raylet, and of a head the GCS."""
    named = b"=" + node.encode()
    return [
        pid
        for pid, line in _command_lines()
        if line.split(b"\0")[0].endswith((b"/raylet", b"/gcs_server"))
        and any(word.endswith(named) for word in line.split(b"\0"))
    ]


def _wait_and_reap(driver: int) -> None:
    sys.stdin.buffer.read()
    time.sleep(GRACE)
    for pid in leftovers(driver):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    _wait_and_reap(int(sys.argv[1]))
