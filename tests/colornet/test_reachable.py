"""The first look at storage by URI, at places where nobody answers."""

import socket
from pathlib import Path

import pytest

from colornet import reachable
from colornet.errors import InputError
from colornet.reachable import check_answers


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    check_answers.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key-that-is-nowhere")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_what_is_not_looked_at(tmp_path: Path) -> None:
    for location in ("", "sweeps/x", str(tmp_path / "gone"), f"file://{tmp_path}/gone"):
        check_answers(location)


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(
        InputError, match=f"s3://b/x: cannot be reached: .*127.0.0.1:{port}"
    ) as said:
        check_answers("s3://b/x")
    assert "\n" not in str(said.value) and "AWS_ENDPOINT_URL" in str(said.value)


def test_who_listens_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "PATIENCE", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(InputError, match=r"cannot be reached: no answer within 1\.5 s"):
            check_answers("s3://b/x")


def test_what_is_no_uri() -> None:
    with pytest.raises(InputError, match="nonsense://x: cannot be reached"):
        check_answers("nonsense://x")


def test_a_look_that_fails_by_itself_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable.sys, "executable", "/bin/true")
    check_answers("s3://b/x")
