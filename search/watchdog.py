"""Leaves no Ray process behind when a driver is killed.

The raylet and the workers of a killed driver end by themselves; Ray's agent processes can live on
for minutes. A small process of our own waits for the driver's death on a pipe, gives Ray a few
seconds, and ends what is left of that driver's session. Ray names a session after the process that
started it, and its processes carry that name in their command lines.
"""

import os
import re
import signal
import subprocess
import sys
import time
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
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if pattern.search(path.read_bytes()):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has ended since
    return found


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
