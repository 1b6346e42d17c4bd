"""What is looked at on the nodes of a cluster before a sweep's first trial."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.data.picture_files import suffixes
from colornet.errors import InputError
from search.run import preflight
from search.run.preflight import check_nodes

MakeSweep = Callable[..., Path]


def look(folder: Path, *roots: Path | str) -> str | None:
    """What a node finds wrong."""
    return preflight._wrong_here._function(str(folder), [str(root) for root in roots])


def test_a_node_that_sees_all(make_sweep: MakeSweep, tmp_path: Path) -> None:
    folder = make_sweep()
    before = sorted(os.listdir(folder))
    assert look(folder, tmp_path, "s3://bucket/a-pack") is None
    assert sorted(os.listdir(folder)) == before


def test_a_node_that_does_not_see_the_sweep(tmp_path: Path) -> None:
    said = look(tmp_path / "gone")
    assert said is not None and f"does not see the sweep {tmp_path}/gone: give --out" in said
    assert not (tmp_path / "gone").exists()


def test_a_node_that_cannot_write(make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    folder = make_sweep()
    monkeypatch.setattr("colornet.storage.write_atomic", read_only)
    said = look(folder)
    assert said == f"{folder}: cannot be written there: Read-only file system: mount it writable."


def test_a_node_that_does_not_see_the_pictures(make_sweep: MakeSweep, tmp_path: Path) -> None:
    said = look(make_sweep(), tmp_path, "/photos/of/mine")
    assert said is not None and said.endswith("colorsweep data pack /photos/of/mine -o URI.")
    assert "does not see the pictures /photos/of/mine" in said


def test_a_node_that_reads_other_pictures(make_sweep: MakeSweep, tmp_path: Path) -> None:
    folder, pictures = make_sweep(), tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.avif").touch()
    asked = preflight._wrong_here._function
    assert asked(str(folder), [str(pictures)], suffixes()) is None
    less = [one for one in suffixes() if one != ".avif"]
    said = asked(str(folder), [str(pictures)], less)
    assert said is not None and said.startswith(f"reads {pictures}/a.avif, which the machine")
    (pictures / "a.avif").unlink()
    assert asked(str(folder), [str(pictures), "s3://bucket/a-pack"], less) is None


@pytest.mark.ray
def test_every_node_is_asked(make_sweep: MakeSweep, local_ray: Any) -> None:
    folder = make_sweep()
    assert check_nodes(str(folder), [str(folder)]) == 1
    with pytest.raises(InputError, match="does not see the pictures /photos") as raised:
        check_nodes(str(folder), ["/photos"])
    assert f"({socket.gethostname()}): " in str(raised.value)
    assert "\n" not in str(raised.value)
