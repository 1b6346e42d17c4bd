"""The wheel of this installation."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from search.cluster.wheel import PACKAGES, write_wheel


def test_what_is_in_it(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for package in PACKAGES:
            assert f"{package}/__init__.py" in names
        assert "colornet/config/presets/pix2pix-small.yaml" in names
        assert not [name for name in names if "__pycache__" in name]
        (record,) = [name for name in names if name.endswith("RECORD")]
        rows = [line.rsplit(",", 2) for line in archive.read(record).decode().splitlines()]
        assert [row[0] for row in rows] == names
        for name, digest, size in rows[:-1]:
            data = archive.read(name)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={wanted}", len(data))


def test_the_same_code_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_wheel(tmp_path).read_bytes()
    assert write_wheel(tmp_path).read_bytes() == first


def test_python_runs_the_command_from_it(tmp_path: Path) -> None:
    """A wheel can be put on the path as it is; the installed packages are not looked at."""
    wheel = write_wheel(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); import search.cli as found; "
        "from importlib.metadata import version; print(found.__file__, version('colorsweep'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(wheel))
