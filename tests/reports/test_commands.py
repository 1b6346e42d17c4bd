"""The report command, and that reading needs no training library."""

import json

import pytest

from colornet.errors import InputError
from reports.commands import report


def test_report_beside_the_records(build) -> None:
    sweep = build()
    sweep.trial({}, 9.0)
    sweep.tables()
    result = report(str(sweep.folder))
    assert result.path == sweep.folder / "report.html"
    assert result.size == result.path.stat().st_size
    assert result.text().splitlines()[-1] == f"Next    colorsweep best {sweep.folder}"
    assert json.loads(json.dumps(result.data(), allow_nan=False))["trials"] == 1


def test_report_elsewhere(build, tmp_path) -> None:
    build().tables()
    assert report(str(tmp_path / "sweep"), out=tmp_path / "a" / "b.html").path.exists()


def test_no_sweep(tmp_path) -> None:
    with pytest.raises(InputError):
        report(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_unwritable_output(build, tmp_path) -> None:
    build().tables()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        report(str(tmp_path / "sweep"), out=tmp_path / "file" / "report.html")
