"""What the README shows works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from search.cli import COMMANDS
from spaces.loading import load_study

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_its_study_can_be_run(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(example)
    assert len(load_study(str(path)).dimensions) == 6


def test_its_commands_exist() -> None:
    named = set(re.findall(r"colorsweep ([a-z]+)(?: ([a-z]+))?", README))
    words = {first for first, _ in named if first in COMMANDS}
    assert words >= {"run", "status", "resume", "report", "best", "train", "colorize", "studies"}
    for group in ("data", "export", "manifest"):
        known = {name for name in COMMANDS if name.startswith(f"{group} ")}
        assert {f"{group} {word}" for first, word in named if first == group and word} <= known
    assert {"export csv", "export optuna"} <= {" ".join(pair) for pair in named}


def test_its_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Path(__file__).parent / "golden" / "sweep-1"
    shutil.copytree(golden, tmp_path / "sweeps" / "20261120-205012-demo-qkzt")
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        path = tmp_path / "snippet.py"
        path.write_text(f"{snippet}\nprint(len(sweep.trials))\n")
        shown = subprocess.run(
            [sys.executable, str(path)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        assert (shown.stdout, shown.stderr) == ("10\n", "")


def test_its_pictures_are_there() -> None:
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / target).is_file()


@pytest.mark.parametrize("guide", ["README.md", "CONTRIBUTING.md"])
def test_files_that_are_named_are_there(guide: str) -> None:
    root = Path(__file__).parent.parent
    text = (root / guide).read_text()
    named = set(re.findall(r"`((?:colornet|reports|search|spaces|tests)/[\w/.]*)`", text))
    assert len(named) > 10
    assert [
        path for path in sorted(named) if "NAME" not in path and not (root / path).exists()
    ] == []


def test_what_is_where_names_what_is_there() -> None:
    """The tree: a room, its folders indented, and beside each some of the files in it."""
    root, room = Path(__file__).parent.parent, ""
    tree = README.split("## What is where\n```\n")[1].split("```")[0]
    for line in filter(None, tree.splitlines()):
        folder = re.match(r" *[\w]+/", line)
        if folder and not line.startswith(" "):
            room, at = folder[0], root / folder[0]
        elif folder:
            at = root / room / folder[0].strip()
        assert at.is_dir(), line
        for name in re.findall(r"\b\w+\.py\b", line):
            assert (at / name).is_file(), (line, name)
