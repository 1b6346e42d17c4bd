"""Under what circumstances something was made: code, versions, machine."""

import os
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "colorsweep",
    "ray",
    "optuna",
    "torch",
    "kornia",
    "numpy",
    "pyarrow",
    "pandas",
    "pillow",
)


def collect() -> dict[str, object]:
    """Git commit, library versions and machine, as plain data.

    `git_commit` is that of the source tree the code runs from, with `+changes` when the tree
    differs from it, and None for an installed package.
    """
    return {
        "version": 1,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _installed(name))},
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


def _git_commit() -> str | None:
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}+changes" if _git("status", "--porcelain") else commit
