"""This installation as a wheel, for cluster nodes that do not have it.

Built from what is installed, so that neither a checkout nor a build tool is needed; see
https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

import base64
import hashlib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("colornet", "reports", "search", "spaces")
_WHEEL = "Wheel-Version: 1.0\nGenerator: colorsweep\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(folder: Path) -> Path:
    """Write the wheel of this installation into a folder, the same bytes for the same code."""
    found = metadata.distribution("colorsweep")
    information = f"colorsweep-{found.version}.dist-info"
    files = {name: path.read_bytes() for name, path in _sources()}
    files |= {
        f"{information}/METADATA": str(found.metadata).encode(),
        f"{information}/WHEEL": _WHEEL.encode(),
        f"{information}/entry_points.txt": b"[console_scripts]\ncolorsweep = search.cli:main\n",
    }
    record = f"{information}/RECORD"
    lines = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    wheel = folder / f"colorsweep-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return wheel


def _sources() -> list[tuple[str, Path]]:
    """The packages' files by their place in a wheel, sorted."""
    found = []
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None and spec.submodule_search_locations
        root = Path(next(iter(spec.submodule_search_locations)))
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.append((f"{package}/{path.relative_to(root).as_posix()}", path))
    return found


def _digest(data: bytes) -> str:
    """A hash as RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
