"""One driver at a time: who holds a sweep, and when a hold has lapsed.

Where the storage is a file system, the holder keeps the operating system's lock on `lease.lock`
for as long as it lives, which the kernel gives back however it ends: among processes of one kernel,
containers included, that decides. Everywhere the holder writes `lease.json`, and renews it. Whether
one that cannot be asked, on another host or in another container, still lives is seen by watching
whether it renews, not by its clock.
"""

import contextlib
import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from colornet.config.reading import parse_json
from colornet.errors import InputError, InUseError, StorageError, find_os_error
from colornet.storage import Storage

RENEW = 10.0
"""Seconds between two renewals: on object storage each is a request, and a driver whose sweep was
taken over goes on for no longer."""
LAPSE = 60.0
"""Seconds since its last renewal after which a reader, who does not watch, takes a driver for
dead."""
WATCH = 2.5 * RENEW
"""Seconds for which a lease that may be a living driver's is watched before it is taken over."""
PROBED = 1.0
"""Seconds in which a lock that a reader holds for an instant is free again."""
NAME, LOCK = "lease.json", "lease.lock"
_KEYS = {
    **dict.fromkeys(("host", "boot_id", "since"), str),
    "process_start": str | None,
    **dict.fromkeys(("pid", "sequence"), int),
    "renewed": int | float,
}
MAX_PID = 2**31
"""No system counts its processes further."""
log = logging.getLogger("colorsweep")


class Lease:
    """Holds a sweep while it is entered.

    Args:
        take_over: take it from a driver that may be alive, which then stops within `RENEW` seconds.

    Raises:
        InUseError: on entering, when another driver holds it.
        StorageError: on entering, when the sweep's storage takes nothing.
    """

    def __init__(self, location: str | os.PathLike[str], *, take_over: bool = False) -> None:
        self.storage = Storage.at(location)
        self.taken_over = threading.Event()
        """Set once another driver has taken the sweep."""
        self._take_over = take_over
        self._done = threading.Event()
        self._mine: dict[str, Any] = {}
        self._lock: FileLock | None = None
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        try:
            self._acquire_lock()
            held = holder(self.storage)
            if held and not self._take_over:
                self._check_dead(held)
            self._mine = _new_lease(held, locks=self._lock is not None)
            self._write()
        except OSError as error:
            self._release_lock()
            raise StorageError.at(self.storage.location, error) from error
        except BaseException:
            self._release_lock()
            raise
        self._thread.start()
        return self

    def _acquire_lock(self) -> None:
        """Take the system's lock, where the storage has one. Raises InUseError where it is held."""
        if self.storage.local is None or not self.storage.local.is_dir():
            return
        lock = FileLock(self.storage.local / LOCK, fallback_to_soft=False)
        try:
            try:
                lock.acquire(timeout=PROBED)
            except Timeout:
                if not self._take_over:
                    raise self._in_use(holder(self.storage)) from None
                # Its driver sees at its next renewal that the sweep is another's, and stops.
                self._mine = _new_lease(holder(self.storage), locks=True)
                self._write()
                lock.acquire(timeout=3 * RENEW)
        except Timeout:
            raise self._in_use(holder(self.storage)) from None
        except OSError as error:
            if not self.storage.local.is_dir() or not os.access(self.storage.local, os.W_OK):
                raise
            log.warning("%s: no locks there (%s)", self.storage.location, error.strerror or error)
            return
        self._lock = lock

    def _check_dead(self, held: Mapping[str, Any]) -> None:
        """Raise InUseError unless the driver that wrote a lease has ended."""
        state = state_of(self.storage, held, locked=False if self._lock else None)
        if state == "unknown":
            log.warning(
                "%s: held by process %s on %s since %s; watching for %.0f s whether it renews that",
                *(self.storage.location, held["pid"], held["host"], held["since"], WATCH),
            )
            until = time.monotonic() + WATCH
            while state == "unknown" and time.monotonic() < until:
                time.sleep(min(RENEW / 4, max(0.0, until - time.monotonic())))
                now = holder(self.storage)
                if now is None:
                    return
                state = "unknown" if now == held else "alive"
        if state == "alive":
            raise self._in_use(held)

    def _in_use(self, held: Mapping[str, Any] | None) -> InUseError:
        by = "another process"
        if held:
            by = f"process {held['pid']} on {held['host']} since {held['since']}"
        return InUseError(
            f"{self.storage.location}: in use by {by}.\n"
            "Wait for it or end it, then try again; --take-over takes the sweep from it."
        )

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        if not self.taken_over.is_set():
            self.storage.delete(NAME)
        self._release_lock()

    def _release_lock(self) -> None:
        if self._lock is not None:
            # First the name: a process that waits for a lock whose file has none starts over.
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def _write(self) -> None:
        self.storage.write(NAME, json.dumps({**self._mine, "renewed": time.time()}).encode())

    def _renew(self) -> None:
        while not self._done.wait(RENEW):
            with contextlib.suppress(OSError):  # whoever writes the records will say it
                held = holder(self.storage)
                if held is None or not held.items() >= self._mine.items():
                    self.taken_over.set()
                    return
                self._write()


def _new_lease(before: Mapping[str, Any] | None, *, locks: bool) -> dict[str, Any]:
    """What this process writes into a lease that it takes, after the one `before`, if any."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "boot_id": _boot_id(),
        "pid_namespace": _pid_namespace(),
        "process_start": _process_start(os.getpid()),
        "locks": locks,
        "sequence": (before or {}).get("sequence", 0) + 1,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def holder(storage: Storage) -> dict[str, Any] | None:
    """What the lease says, or None when nobody holds the sweep (a damaged one holds nothing)."""
    try:
        held = parse_json(storage.text(NAME), NAME)
    except FileNotFoundError:
        return None
    except InputError as error:
        if (why := find_os_error(error)) is not None:
            raise why from None  # what it says is not known
        return None
    if not isinstance(held, dict):
        return None
    fits = all(key in held and isinstance(held[key], kind) for key, kind in _KEYS.items())
    small = fits and 0 < held["pid"] < MAX_PID and 0 <= held["sequence"] < 2**53
    return held if small else None


def driver_of(location: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The lease of the driver that runs a sweep now, as far as a reader can tell; else None."""
    storage = Storage.at(location)
    held = holder(storage)
    if held is None:
        return None
    state = state_of(storage, held)
    if state == "unknown":
        # Where clocks differ, a time in the future is no sign of life for ever.
        state = "alive" if abs(time.time() - held["renewed"]) < LAPSE else "dead"
    return held if state == "alive" else None


def state_of(
    storage: Storage, held: Mapping[str, Any], *, locked: bool | None = None
) -> Literal["alive", "dead", "unknown"]:
    """Whether the driver that wrote a lease runs; unknown where only watching it can tell.

    Args:
        locked: whether its lock is held, by another process than this one [looked up].
    """
    locked = _is_locked(storage) if locked is None else locked
    if locked:
        return "alive"
    if held["boot_id"] != _boot_id():
        return "unknown"  # another machine, or this one before a restart
    if held.get("locks"):
        return "dead"  # this kernel would know
    if is_of_this_namespace(held):
        return (
            "alive" if _process_start(held["pid"]) == held["process_start"] is not None else "dead"
        )
    return "unknown"


def is_of_this_namespace(held: Mapping[str, Any]) -> bool:
    """Whether a lease's process id means the same process here as where it was written."""
    mine = {"host": socket.gethostname(), "boot_id": _boot_id(), "pid_namespace": _pid_namespace()}
    # Leases of earlier versions do not name a namespace.
    return all(held.get(name, value) == value for name, value in mine.items())


def _is_locked(storage: Storage) -> bool:
    """Whether another process, of this kernel at least, holds a sweep's lock."""
    if storage.local is None:
        return False
    try:
        descriptor = os.open(storage.local / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _pid_namespace() -> str:
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _process_start(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None when there is no living one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
