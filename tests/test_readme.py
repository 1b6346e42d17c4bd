"""What the README shows works."""

import re
from pathlib import Path

from search.cli import COMMANDS, DATA_COMMANDS
from spaces.loading import load_study

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_its_study_can_be_run(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(example)
    assert len(load_study(str(path)).dimensions) == 6


def test_its_commands_exist() -> None:
    named = set(re.findall(r"colorsweep ([a-z]+)(?: ([a-z]+))?", README))
    words = {first for first, _ in named if first in COMMANDS or first == "data"}
    assert words >= {"run", "status", "resume", "report", "best", "train", "colorize", "studies"}
    assert {second for first, second in named if first == "data"} <= set(DATA_COMMANDS)


def test_its_pictures_are_there() -> None:
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / target).is_file()
