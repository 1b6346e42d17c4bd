"""Under what circumstances something was made: code, versions, machine."""

import os
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    *("colorsweep", "ray", "optuna", "torch", "kornia"),
    *("numpy", "pyarrow", "pandas", "pillow"),
)


def collect() -> dict[str, object]:
    """Git commit, library versions and machine, as plain data.

    `git_commit` is that of the source tree the code runs from, with `+changes` when the tree
    differs from it, and None for an installed package.
    """
    commit = _git("rev-parse", "HEAD")
    changes = "+changes" if commit and _git("status", "--porcelain") else ""
    return {
        "version": 1,
        "git_commit": f"{commit}{changes}" if commit else None,
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _installed(name))},
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)),
    }


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    source = Path(__file__).resolve().parent.parent
    if not (source / ".git").exists():
        return None
    try:
        run = subprocess.run(
            ["git", "-C", str(source), *arguments], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None
