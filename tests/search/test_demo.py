"""Where the demo may be made; the whole of it is `make demo`."""

from pathlib import Path

import pytest

from search.cli import main


@pytest.mark.parametrize("place", ["file", "folder", "nowhere", "nowhere/demo", "file/demo"])
def test_a_place_that_it_cannot_have_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to("gone")
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--out", str(tmp_path / place)])
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path / place}: ")
    assert len(said.splitlines()) <= 3
    assert not (tmp_path / "gone").exists()
