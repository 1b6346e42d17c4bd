"""A command whose stdout or stderr is closed, full, or left by its reader."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COLORSWEEP = f"{shlex.quote(sys.executable)} -m search"
FULL = Path("/dev/full")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a line for the shell ends with; `$C` is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "C": COLORSWEEP, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$C data list >&-", 1, "stdout: cannot be written: it is closed"),
        ("$C data list >/dev/full", 1, "stdout: cannot be written: No space left on device"),
        ("$C data list --json >/dev/full", 1, "stdout: cannot be written: No space left on device"),
        ("$C --help >/dev/full", 1, "stdout: No space left on device"),
        ("$C data list >/dev/full 2>/dev/full", 1, ""),
        ("$C status nobody 2>&-", 2, ""),
        ("$C status nobody 2>/dev/full", 2, ""),
        ("$C data list >&- 2>&- <&-", 1, ""),
        ("set -o pipefail; $C data list --json | true", 0, ""),
    ],
)
def test_where_nothing_can_be_written(tmp_path: Path, line: str, code: int, said: str) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == bool(said)
    assert list(tmp_path.iterdir()) == []


def test_an_ascii_terminal_gets_escapes(tmp_path: Path) -> None:
    done = shell("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $C status $'\\u00e9'", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
