"""What a connection that fails means: the token, the address, the version."""

import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colornet.errors import ClusterError
from search.cluster import auth
from search.cluster.auth import (
    Endpoint,
    check_version,
    connect,
    current_token,
    explain_error,
    exposed_paths,
    is_open,
)

HERE = "10.0.0.1:6379"
SECRET = "canary-0123456789"
MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.59.0
    Python: 3.12.4
This process on node 10.0.0.2 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a token, and an environment without a mode."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def dashboard() -> Iterator[Callable[[int, bytes], str]]:
    """A function of a status and a body that gives the address of a server answering with them."""
    servers = []

    def serve(status: int, body: bytes) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                right = self.headers.get("Authorization") == f"Bearer {SECRET}"
                code = 200 if status == 401 and right else status
                code = 403 if status == 401 and self.headers.get("Authorization") else code
                self.send_response(200 if right else code)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def version(ray: str = "2.60.0") -> bytes:
    return json.dumps({"version": "4", "ray_version": ray}).encode()


def failure(address: str) -> str:
    """What `connect` says of an address, which it must say in one sentence, in time, secretly."""
    began = time.monotonic()
    with pytest.raises(ClusterError) as raised:
        connect(address)
    said = str(raised.value)
    assert time.monotonic() - began < 60
    assert "\n" not in said
    assert SECRET not in said
    return said


@pytest.mark.parametrize("address", ["", "abc", "http://", "host:port", "http://h:99999999"])
def test_what_is_no_address(address: str) -> None:
    assert "is no address of a cluster: give auto" in failure(address)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_nobody_listens(form: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = form.format(free.getsockname()[1])
    said = failure(address)
    assert said.startswith(f"{address}: no Ray cluster answers there (Connection refused)")


def test_a_host_that_is_not_there() -> None:
    assert "no Ray cluster answers there" in failure("nohost.invalid:8265")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_who_listens_and_says_nothing(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = failure(form.format(silent.getsockname()[1]))
    assert "no Ray cluster answers there within 0.5 s" in said


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'"text"'])
def test_another_server(body: bytes, dashboard: Callable[[int, bytes], str]) -> None:
    assert "is no Ray dashboard" in failure(dashboard(200, body))


def test_a_dashboard_without_a_token(dashboard: Callable[[int, bytes], str]) -> None:
    address = dashboard(200, version())
    expected = Endpoint("dashboard", address, "2.60.0")
    assert connect(f"{address}/") == connect(address) == expected
    assert connect(address.removeprefix("http://")) == expected
    assert is_open(expected)


def test_no_token(dashboard: Callable[[int, bytes], str], private_home: Path) -> None:
    said = failure(dashboard(401, version()))
    assert "there is none here: set RAY_AUTH_MODE=token and put" in said
    assert f"{private_home}/.ray/auth_token" in said


def test_a_token_that_ray_would_not_send(
    dashboard: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    address = dashboard(401, version())
    assert "only with RAY_AUTH_MODE=token, which is not set: set it." in failure(address)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "which is disabled: set it." in failure(address)


def test_a_token_file_that_cannot_be_read(
    dashboard: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "gone"))
    said = failure(dashboard(401, version()))
    assert f"RAY_AUTH_TOKEN_PATH names {tmp_path}/gone, which cannot be read" in said


def test_a_wrong_token(
    dashboard: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", f"{SECRET}-old")
    said = failure(dashboard(401, version()))
    assert "the token from RAY_AUTH_TOKEN is wrong or has expired" in said


def test_the_right_token(
    dashboard: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "Token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    found = connect(dashboard(401, version()))
    assert found.ray == "2.60.0"
    assert not is_open(found)


def test_another_version(dashboard: Callable[[int, bytes], str]) -> None:
    with pytest.raises(ClusterError, match=r"runs Ray 2\.1\.0, and this process Ray 2"):
        check_version(connect(dashboard(200, version("2.1.0"))))


def test_another_python() -> None:
    here = auth.metadata.version("ray")
    check_version(Endpoint("gcs", HERE, here, auth.platform.python_version()))
    with pytest.raises(ClusterError, match=r"runs Python 3\.9\.1, and this process Python 3"):
        check_version(Endpoint("gcs", HERE, here, "3.9.1"))


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Token authentication is enabled but no authentication token was found", "none here"),
        ("Ray couldn't find an authentication token. Create a token file", "none here"),
        ("Authentication required: Unauthorized: Missing authentication token", "none here"),
        ("Authentication failed: Forbidden: Invalid authentication token", "wrong or has expired"),
        ("Failed to connect to Ray at address: http://h:8265.", "no Ray cluster answers there"),
        ("Could not find any running Ray instance.", "no Ray cluster answers there"),
        (MISMATCH, "runs Ray 2.59.0 on Python 3.12.4, and this process Ray 2.60.0 on Python 3.11"),
        ("status code 500: No available agent to submit job", "its head takes no jobs"),
        ("something else\nand more", "something else"),
        ("", "RuntimeError"),
    ],
)
def test_what_ray_says_is_explained(said: str, means: str) -> None:
    found = explain_error(RuntimeError(said), HERE)
    assert means in str(found)
    assert "\n" not in str(found)
    assert str(found).startswith(f"{HERE}: ")
    assert found.exit_code == 3


@pytest.mark.parametrize(
    ("mode", "means"), [("token", "wrong or has expired"), ("", "only with RAY_AUTH_MODE=token")]
)
def test_what_the_gcs_says_is_in_the_cause(
    mode: str, means: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    cause = RuntimeError("Unauthenticated: RPC error: InvalidAuthToken: missing or incorrect")
    error = ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")
    error.__cause__ = cause
    cause.__cause__ = error  # a circle of causes ends, too
    assert means in str(explain_error(error, HERE))


def test_an_error_is_explained_once_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    first = explain_error(RuntimeError(f"the token {SECRET} at http://a:b@h"), HERE)
    assert str(first) == f"{HERE}: the token *** at http://***@h"
    assert explain_error(first, "elsewhere") is first


def test_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", f" {SECRET}\n")
    token = current_token()
    assert token.value == SECRET
    assert SECRET not in repr(token)


def test_what_others_can_read(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exposed_paths() == []
    folder, file = private_home / ".ray", private_home / ".ray" / "auth_token"
    folder.mkdir(mode=0o755)
    file.write_text(SECRET)
    os.chmod(folder, 0o755)
    os.chmod(file, 0o640)
    assert exposed_paths() == [(folder, 0o755, 0o700), (file, 0o640, 0o600)]
    os.chmod(folder, 0o700)
    os.chmod(file, 0o600)
    assert exposed_paths() == []
    other = private_home / "other"
    other.write_text(SECRET)
    os.chmod(other, 0o604)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    assert exposed_paths() == [(other, 0o604, 0o600)]
