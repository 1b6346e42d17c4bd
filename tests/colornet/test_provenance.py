"""Under what circumstances something was made."""

import json
import subprocess
from pathlib import Path

import pytest

from colornet import provenance


def test_it_is_plain_data_with_what_a_reader_needs() -> None:
    found = provenance.collect()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["version"] == 1
    assert isinstance(found["cpus"], int) and found["cpus"] >= 1
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert {"optuna", "pyarrow", "numpy"} <= set(packages)
    assert all(version for version in packages.values())


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-at-all"))
    assert list(provenance.collect()["packages"]) == ["numpy"]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree of our own, from which the code seems to run."""
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "colornet" / "provenance.py"))
    return tmp_path


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@x"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_an_installed_package_has_no_commit(source: Path) -> None:
    assert provenance.collect()["git_commit"] is None


def test_a_repository_without_a_commit_has_none(source: Path) -> None:
    git(source, "init", "-q")
    assert provenance.collect()["git_commit"] is None


def test_the_commit_and_whether_the_tree_differs(source: Path) -> None:
    git(source, "init", "-q")
    (source / "a").write_text("1")
    git(source, "add", "a")
    git(source, "commit", "-qm", "a")
    commit = git(source, "rev-parse", "HEAD")
    assert provenance.collect()["git_commit"] == commit
    (source / "a").write_text("2")
    assert provenance.collect()["git_commit"] == f"{commit}+changes"


@pytest.mark.parametrize("error", [OSError("no git"), subprocess.TimeoutExpired("git", 5)])
def test_git_that_fails_costs_the_commit_only(
    source: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (source / ".git").mkdir()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(provenance.subprocess, "run", fail)
    assert provenance.collect()["git_commit"] is None
