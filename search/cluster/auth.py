"""Connections to a Ray cluster: the token, and what a refused connection means, in a sentence.

Ray 2.60 sends its token only where `RAY_AUTH_MODE` is `token`; `RAY_AUTH_TOKEN` goes before the
file that `RAY_AUTH_TOKEN_PATH` names, and that before `~/.ray/auth_token`. A cluster found by
`auto` is the exception: there any token is sent.
"""

import json
import os
import platform
import re
import socket
import stat
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from colornet.errors import ClusterError
from colornet.redaction import read_token, token_file
from search.cluster.node_probe import error_chain

TIMEOUT = 3.0
"""Seconds for each of the at most two requests that `connect` makes: a person waits for them."""
_WANTED = {True: 0o700, False: 0o600}
"""Modes of a folder, and of a file, that only its owner can read."""
_NO_DASHBOARD = (
    "what answers there is no Ray dashboard: give the address that `ray start --head` prints for it"
)
# What Ray 2.60 says: nothing that it raises has a type or code of its own.
_NONE_SENT = (
    "no authentication token was found|find an authentication token|RAY_AUTH_TOKEN_PATH is set but"
    "|Missing authentication token|Authentication required"
)
_WRONG_SENT = "Invalid authentication token|Authentication failed|token is invalid"


@dataclass(frozen=True)
class Token:
    """Ray's token as this process would send it.

    Attributes:
        mode: `RAY_AUTH_MODE`, empty where it is not set.
        source: `RAY_AUTH_TOKEN` or the file that holds it, whether or not there is one.
        value: the token, empty where there is none; never shown.
    """

    mode: str
    source: str
    value: str = field(repr=False)

    @property
    def is_sent(self) -> bool:
        """Whether Ray sends it to a cluster whose address is given."""
        return self.mode == "token" and bool(self.value)


@dataclass(frozen=True)
class Endpoint:
    """What listens at an address.

    Attributes:
        kind: the dashboard, which takes jobs, or the GCS, which takes drivers.
        address: `http://HOST:PORT` of a dashboard, `HOST:PORT` of a GCS.
        ray: version of Ray that runs there.
        python: version of Python, which a GCS reports and a driver has to share.
    """

    kind: Literal["dashboard", "gcs"]
    address: str
    ray: str
    python: str | None = None


def current_token() -> Token:
    """The token of this process's environment."""
    mode = os.environ.get("RAY_AUTH_MODE", "").lower()
    if value := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return Token(mode, "RAY_AUTH_TOKEN", value)
    path = token_file()
    return Token(mode, str(path), read_token(path))


def exposed_paths() -> list[tuple[Path, int, int]]:
    """(path, its mode, the mode it should have) of what others can read of Ray's token."""
    private = Path.home() / ".ray"
    exposed = []
    for path in dict.fromkeys([private, private / "auth_token", token_file()]):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            exposed.append((path, mode, _WANTED[path.is_dir()]))
    return exposed


def connect(address: str) -> Endpoint:
    """See what listens at an address, and whether it accepts our token, within ten seconds.

    Args:
        address: `http://HOST:8265` or `HOST:8265`, `HOST:6379`, or auto.

    Raises:
        ClusterError: nothing answers, or the token is missing, wrong or expired.
    """
    token = current_token()
    if address == "auto":
        address = _find_local()
        if not token.mode and token.value:
            token = Token("token", token.source, token.value)
    try:
        host, port = _host_and_port(address)
        socket.create_connection((host, port), TIMEOUT).close()
        if "://" in address:
            return _query_dashboard(address.rstrip("/"), token)
        try:
            return _query_dashboard(f"http://{address}", token)
        except ValueError:
            return _query_gcs(address, token)
    except (OSError, RuntimeError, ValueError) as error:
        raise explain_error(error, address) from error


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        port = None
    if not parts.hostname or not port:
        raise ClusterError(
            f"{address}: is no address of a cluster: give auto, HOST:6379 or http://HOST:8265."
        )
    return parts.hostname, port


def is_open(endpoint: Endpoint) -> bool:
    """Whether a cluster accepts requests without a token."""
    query = _query_gcs if endpoint.kind == "gcs" else _query_dashboard
    try:
        query(endpoint.address, Token("", "", ""))
    except (ClusterError, OSError, ValueError):
        return False
    return True


def check_version(endpoint: Endpoint) -> None:
    """Raise ClusterError where a cluster runs another Ray or Python than this process."""
    here, python = metadata.version("ray"), platform.python_version()
    if endpoint.ray != here:
        raise _version_error(endpoint.address, f"Ray {endpoint.ray}", f"Ray {here}")
    if endpoint.python not in (None, python):
        there = f"Python {endpoint.python}"
        raise _version_error(endpoint.address, there, f"Python {python}")


def explain_error(error: BaseException, address: str) -> ClusterError:
    """What an error of `ray.init` or Ray's Jobs client means, in one sentence and what to set.

    Args:
        error: whatever was raised, with its causes.
        address: what was connected to.
    """
    if isinstance(error, ClusterError):
        return error
    text = error_chain(error)
    token = current_token()
    if re.search(_NONE_SENT, text):
        return _token_error(address, token, sent=False)
    if re.search(_WRONG_SENT, text):
        return _token_error(address, token, sent=True)
    if re.search("Unauthenticated|InvalidAuthToken", text):  # the GCS does not say which
        return _token_error(address, token, sent=token.is_sent)
    if versions := re.findall(r"^\s*(Ray|Python): (\S+)", text, re.MULTILINE)[:4]:
        words = [" ".join(version) for version in versions]  # theirs, then ours
        return _version_error(address, " on ".join(words[:2]), " on ".join(words[2:]))
    no_answer = "Failed to connect|Could not (find|connect)|UNAVAILABLE|timed out"
    if isinstance(error, OSError) or re.search(no_answer, text):
        return ClusterError(
            f"{address}: no Ray cluster answers there{_reason(error)}: "
            "start it, or open the way to it (ssh -L 8265:localhost:8265 HEAD)."
        )
    if "No available agent" in text:
        return ClusterError(
            f"{address}: its head takes no jobs, as its dashboard agent does not answer: wait, or "
            "start it with another --dashboard-agent-listen-port if several Rays share its machine."
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ClusterError(f"{address}: {lines[0][:300]}")


def _reason(error: BaseException) -> str:
    """Why a connection failed, in brackets, where the system says it in a few words."""
    strerror = getattr(error, "strerror", None)
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f" within {TIMEOUT:g} s"
    return f" ({strerror})" if strerror else ""


def _token_error(address: str, token: Token, *, sent: bool) -> ClusterError:
    """A cluster wants another token than was sent, or one at all."""
    wants = f"{address}: wants a token, and "
    if sent:
        return ClusterError(
            f"{address}: the token from {token.source} is wrong or has expired: "
            "set it to what `ray get-auth-token` prints on the cluster's head."
        )
    if token.value:
        mode = f"is {token.mode}" if token.mode else "is not set"
        return ClusterError(
            f"{wants}Ray sends that of {token.source} only with RAY_AUTH_MODE=token, which {mode}: "
            "set it."
        )
    if os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return ClusterError(
            f"{wants}RAY_AUTH_TOKEN_PATH names {token.source}, which cannot be read or is empty: "
            "let it name the file with the cluster's token."
        )
    return ClusterError(
        f"{wants}there is none here: set RAY_AUTH_MODE=token and put what `ray get-auth-token` "
        f"prints on the cluster's head into {token.source} (mode 0600)."
    )


def _version_error(address: str, there: str, here: str) -> ClusterError:
    return ClusterError(
        f"{address}: runs {there}, and this process {here}: "
        "install the cluster's versions here, or bring the cluster to these."
    )


def _find_local() -> str:
    """The GCS of the cluster that this machine is part of."""
    from ray._private import services  # what `ray.init` itself looks `auto` up with

    try:
        address, cause = services.canonicalize_bootstrap_address("auto", None), None
    except (ConnectionError, ValueError) as error:
        address, cause = None, error
    if address is None:
        raise ClusterError(
            "auto: no Ray runs on this machine: start it with `ray start`, or name a cluster with "
            "--address http://HOST:8265."
        ) from cause
    return address


def _query_dashboard(address: str, token: Token) -> Endpoint:
    """Request the version. Raises ValueError when it is no dashboard."""
    import requests

    headers = {"Authorization": f"Bearer {token.value}"} if token.is_sent else {}
    try:
        # Without redirects, which would hand the token on to another server.
        response = requests.get(
            f"{address}/api/version", headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.exceptions.Timeout:
        raise TimeoutError("timed out") from None
    except requests.exceptions.ConnectionError:
        raise ValueError(_NO_DASHBOARD) from None
    if response.status_code in (401, 403):
        raise _token_error(address, token, sent=response.status_code == 403)
    try:
        return Endpoint("dashboard", address, str(response.json()["ray_version"]))
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError):
        raise ValueError(_NO_DASHBOARD) from None


def _query_gcs(address: str, token: Token) -> Endpoint:
    """Request the versions. Raises ClusterError when it is no GCS.

    By Ray's own messages: nothing public of Ray 2.60 reports a version or a wrong token without a
    driver. `ray.util.state` asks a dashboard, `ray health-check` (marked as not public) says only
    whether a cluster is well, and a driver takes 20 s to fail and may end its process.
    """
    import grpc
    from ray.core.generated import gcs_service_pb2 as messages
    from ray.core.generated import gcs_service_pb2_grpc as services

    options: dict[str, Any] = {"timeout": TIMEOUT}
    if token.is_sent:
        options["metadata"] = [("authorization", f"Bearer {token.value}")]
    try:
        with grpc.insecure_channel(address) as channel:
            alive = services.NodeInfoGcsServiceStub(channel).CheckAlive
            ray = alive(messages.CheckAliveRequest(), **options).ray_version
            lookup = services.InternalKVGcsServiceStub(channel).InternalKVGet
            key = messages.InternalKVGetRequest(key=b"CLUSTER_METADATA", namespace=b"cluster")
            value = lookup(key, **options).value
    except grpc.RpcError as error:
        code = error.code() if isinstance(error, grpc.Call) else None
        if code is grpc.StatusCode.UNAUTHENTICATED:
            raise _token_error(address, token, sent=token.is_sent) from None
        raise ClusterError(
            f"{address}: what answers there is no Ray cluster: "
            "give the address that `ray start --head` prints."
        ) from None
    # Where the head has not written it yet, Ray compares the versions once more as a driver starts.
    return Endpoint("gcs", address, ray, json.loads(value).get("python_version") if value else None)
