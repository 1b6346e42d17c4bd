"""A trial under way, and how its process is asked to stop."""

import contextlib
import json
import os
import signal
import socket
from dataclasses import dataclass, field
from typing import Any

from search.core.ask_tell import Assignment


@dataclass
class Running:
    """A trial that has been handed out; `log` is the end of what its process logged."""

    assignment: Assignment
    log: str | None = None
    pid: int | None = None
    host: str | None = None
    node: str | None = None
    last: dict[str, Any] = field(default_factory=dict)
    told_to_stop: bool = False


def terminate_here(running: Running) -> None:
    """Send SIGTERM to a trial's process, which may have ended, on this host."""
    if running.pid and running.host == socket.gethostname():
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGTERM)


def identity(assignment: Assignment) -> dict[str, Any]:
    """What each row of a trial begins with."""
    return {
        "trial_id": assignment.trial_id,
        "number": assignment.number,
        "attempt": assignment.attempt,
        "seed": assignment.seed,
    }


def row_of(assignment: Assignment, running: Running | None) -> dict[str, Any]:
    """A trial's row but for its state; until it has spoken it counts as on this host."""
    return {
        **identity(assignment),
        "origin": assignment.origin,
        "point_id": assignment.point_id,
        "point": json.dumps(assignment.point),
        "distributions": assignment.distributions,
        "system_attrs": assignment.system_attrs,
        "config": assignment.config_json,
        "host": running.host if running else socket.gethostname(),
        "pid": running.pid if running else None,
        "log": running.log if running else None,
    }
