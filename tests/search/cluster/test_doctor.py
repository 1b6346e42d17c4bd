"""Doctor without a cluster: what it says of this machine, its exit codes, its secrets."""

import json
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import ClusterError
from search import cli
from search.cluster import doctor
from search.cluster.auth import Endpoint
from search.cluster.node_probe import LIBRARIES, installed_version

SECRETS = {
    "environment": "canary-environment-4711",
    "url": "canary-url-4712",
    "file": "canary-file-4713",
    "study": "canary-study-4714",
    "config": "canary-config-4715",
}
Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose token only its owner reads."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".ray").mkdir(mode=0o700)
    (tmp_path / ".ray" / "auth_token").write_text(SECRETS["file"])
    (tmp_path / ".ray" / "auth_token").chmod(0o600)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A function of arguments that gives exit code and everything that was printed."""

    def start(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out + printed.err

    return start


def states(text: str) -> dict[str, str]:
    """{name of a check: its state} of doctor's JSON."""
    return {one["name"]: one["state"] for one in json.loads(text)["checks"]}


def test_this_machine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    places = ["--storage", str(tmp_path / "sweeps"), "--data", str(tmp_path / "photos")]
    code, printed = run("doctor", *places, "--json")
    assert code == 0
    found = states(printed)
    assert {name for name, state in found.items() if state == "failed"} == set()
    assert set(found) >= {
        *{"Python", "libraries", "token file", "token", "CPUs", "GPUs", "memory", "/dev/shm"},
        *{"sweeps", "disk", "storage", "data", "pack", "usage stats"},
    }
    assert list((tmp_path / "sweeps").iterdir()) == []


def test_what_fails_here_has_a_line_with_its_remedy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / ".ray").chmod(0o755)
    code, printed = run("doctor", "--storage", str(tmp_path / "file"), "--data", "/nowhere/photos")
    assert code == 2
    lines = {line.split("  ")[0] + line[9:20].strip(): line for line in printed.splitlines()}
    assert "cannot be written: File exists" in lines["failedstorage"]
    assert "-> put them where every node sees them" in lines["faileddata"]
    assert f"-> chmod 700 {tmp_path}/.ray" in lines["warningtoken file"]


@pytest.mark.parametrize(
    ("needed", "wrong"),
    [
        ("numpy>=2", None),
        ("numpy>=2000; extra == 'dev'", None),
        ("numpy>=2000", "numpy .* is not >=2000"),
        ("no-such-package; extra == 'train'", "no-such-package is missing"),
    ],
)
def test_libraries_are_held_to_the_projects_own_metadata(
    needed: str, wrong: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.requires", lambda _: [needed])
    (_, line) = doctor._libraries()
    assert line.state == ("failed" if wrong else "ok")
    if wrong:
        assert re.fullmatch(wrong, line.finding)


@pytest.mark.parametrize(
    ("mode", "token", "state", "says"),
    [
        ("disabled", True, "warning", "can run code"),
        ("", False, "warning", "none here"),
        ("", True, "ok", "open on all interfaces"),
        ("token", True, "ok", "leave it on"),
    ],
)
def test_token_authentication(
    *,
    mode: str,
    token: bool,
    state: str,
    says: str,
    private_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    if not token:
        (private_home / ".ray" / "auth_token").unlink()
    check = doctor._authentication()
    assert check.state == state
    assert says in check.finding


def test_a_cluster_that_does_not_answer_ends_with_3(run: Run) -> None:
    code, printed = run("doctor", "--address", "127.0.0.1:1", "--json")
    assert code == 3
    (last,) = [one for one in json.loads(printed)["checks"] if one["name"] == "cluster"]
    assert last["state"] == "failed"
    assert last["found"] == "no Ray cluster answers there (Connection refused)"
    assert last["remedy"].startswith("start it, or open the way to it")


def test_a_driver_of_another_version_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "connect", lambda _: Endpoint("gcs", "h:1", "2.1.0"))
    found, code = doctor.examine("h:1", None, None, 64)
    assert code == 3
    assert "runs Ray 2.1.0, and this process Ray 2." in found[-1].finding


def probed(**changes: Any) -> dict[str, Any]:
    """A cluster of one node that is well, but for some changes."""
    well = {
        "address": "10.0.0.1",
        "head": True,
        "silent": False,
        "resources": {"CPU": 2.0, "GPU": 0},
        "python": platform.python_version(),
        "versions": {name: installed_version(name) for name in LIBRARIES},
        "missing": [],
        "cards": [],
        "driver_cards": 0,
        "memory": {"total": 2**36, "available": 2**35},
        "shm": 2**33,
        "cache": {"path": "/cache", "free": 2**36},
        "data": None,
        "clock": 0.0,
    }
    return {"nodes": [{**well, **changes}], "state_api": None}


@pytest.mark.parametrize(
    ("changes", "code"), [({}, 0), ({"shm": 1}, 0), ({"silent": True}, 2), ({"python": "3.1"}, 2)]
)
def test_what_a_cluster_lacks_decides(
    changes: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "connect", lambda _: Endpoint("dashboard", "http://h:1", "2.60.0"))
    monkeypatch.setattr(doctor, "is_open", lambda _: True)
    monkeypatch.setattr(doctor, "probe_nodes", lambda *_: probed(**changes))
    found, ended = doctor.examine("http://h:1", None, None, 64)
    assert ended == code
    assert any(one.name == "cluster token" and one.state == "warning" for one in found)


def test_a_cluster_that_fails_later_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ClusterError("http://h:1: it broke: mend it.")

    monkeypatch.setattr(doctor, "connect", lambda _: Endpoint("dashboard", "http://h:1", "2.60.0"))
    monkeypatch.setattr(doctor, "is_open", lambda _: False)
    monkeypatch.setattr(doctor, "probe_nodes", fail)
    found, code = doctor.examine("http://h:1", None, None, 64)
    assert code == 3
    assert (found[-1].finding, found[-1].remedy) == ("it broke", "mend it.")


def test_a_secret_in_an_option_is_refused(run: Run) -> None:
    for option in ("--storage", "--data"):
        code, printed = run("doctor", option, f"s3://key:{SECRETS['url']}@bucket/x")
        assert code == 2
        assert f"{option}: s3://***@bucket/x: holds a secret" in printed
        assert SECRETS["url"] not in printed


def test_no_planted_secret_is_printed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_PASSWORD", SECRETS["environment"])
    places = ["--storage", f"{tmp_path}/{SECRETS['environment']}"]
    url = f"http://me:{SECRETS['url']}@127.0.0.1:1"
    printed = ""
    for command in (["--address", url], ["--address", url, "--json"], ["--debug"], places):
        printed += run("doctor", *command)[1]
    assert "http://***@127.0.0.1:1" in printed
    assert [name for name, secret in SECRETS.items() if secret in printed] == []
