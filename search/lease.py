"""One driver at a time: who holds a sweep, and when a hold has lapsed.

The holder writes `lease.json` with host, pid, boot id and a sequence number, and renews it. On the
holder's own host a dead process is recognised at once; on another one, when the lease has not been
renewed for `LAPSE` seconds.
"""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from colornet.errors import InUseError, StorageError
from colornet.storage import Storage

RENEW = 10.0
LAPSE = 60.0
NAME = "lease.json"
_KEYS = {"host", "pid", "boot_id", "process_start", "sequence", "since", "renewed"}


class Lease:
    """Holds a sweep while it is entered.

    Raises:
        InUseError: on entering, when another living driver holds it.
        StorageError: on entering, when the sweep's storage takes nothing.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.storage = Storage.at(location)
        self.lost = threading.Event()
        """Set when another driver has taken the sweep over."""
        self._done = threading.Event()
        self._mine: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        with _one_at_a_time(self.storage):
            held = holder(self.storage)
            if held and is_alive(held):
                raise InUseError(
                    f"{self.storage.root}: in use by process {held['pid']} on {held['host']} "
                    f"since {held['since']}.\nWait for it or end it, then try again."
                )
            self._mine = {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "boot_id": _boot_id(),
                "process_start": _process_start(os.getpid()),
                "sequence": (held or {}).get("sequence", 0) + 1,
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
            try:
                self._write()
            except OSError as error:
                raise StorageError.at(self.storage.location, error) from error
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        if not self.lost.is_set():
            self.storage.delete(NAME)

    def _write(self) -> None:
        self.storage.write(NAME, json.dumps({**self._mine, "renewed": time.time()}).encode())

    def _renew(self) -> None:
        while not self._done.wait(RENEW):
            with contextlib.suppress(OSError):  # whoever writes the records will say it
                held = holder(self.storage)
                if held is None or not held.items() >= self._mine.items():
                    self.lost.set()
                    return
                self._write()


@contextlib.contextmanager
def _one_at_a_time(storage: Storage) -> Generator[None, None, None]:
    """Between looking who holds a sweep and taking it, nobody else on this filesystem may."""
    if storage.local is None or not storage.local.is_dir():
        yield
        return
    descriptor = os.open(storage.local, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def holder(storage: Storage) -> dict[str, Any] | None:
    """What the lease says, or None when nobody holds the sweep (a damaged one holds nothing)."""
    try:
        held = json.loads(storage.read(NAME))
    except (FileNotFoundError, ValueError):
        return None
    return held if isinstance(held, dict) and held.keys() >= _KEYS else None


def is_alive(held: Mapping[str, Any]) -> bool:
    """Whether the driver that wrote a lease still runs, as far as can be told from here."""
    if held["host"] != socket.gethostname():
        return time.time() - held["renewed"] < LAPSE
    if held["boot_id"] != _boot_id():
        return False
    return _process_start(held["pid"]) == held["process_start"] is not None


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _process_start(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None when there is no living one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
