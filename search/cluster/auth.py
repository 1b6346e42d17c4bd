"""Who may talk to a Ray cluster: the token, and what a refused connection means, in a sentence.

Ray 2.60 sends its token only where `RAY_AUTH_MODE` is `token`; `RAY_AUTH_TOKEN` goes before the
file that `RAY_AUTH_TOKEN_PATH` names, and that before `~/.ray/auth_token`. A cluster found by
`auto` is the exception: there a token that is at hand is enough.
"""

import json
import os
import platform
import re
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from colornet.errors import ClusterError
from colornet.redaction import read_token, token_file

PATIENCE = 3.0
"""Seconds for each of the at most two questions that `reach` asks."""
_WANTED = {True: 0o700, False: 0o600}
_NO_DASHBOARD = (
    "what answers there is no Ray dashboard: give the address that `ray start --head` prints for it"
)
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
    value: str

    def __repr__(self) -> str:
        return f"Token(mode={self.mode!r}, source={self.source!r}, found={bool(self.value)})"

    @property
    def is_sent(self) -> bool:
        """Whether Ray sends it to a cluster whose address is given."""
        return self.mode == "token" and bool(self.value)


@dataclass(frozen=True)
class Reached:
    """Who answers at an address.

    Attributes:
        kind: the dashboard, which takes jobs, or the GCS, which takes drivers.
        address: `http://HOST:PORT` of a dashboard, `HOST:PORT` of a GCS.
        ray: version of Ray that runs there.
        python: version of Python, which a GCS tells and a driver has to share.
    """

    kind: Literal["dashboard", "gcs"]
    address: str
    ray: str
    python: str | None = None


def this_token() -> Token:
    """The token of this process's environment."""
    mode = os.environ.get("RAY_AUTH_MODE", "").lower()
    if value := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return Token(mode, "RAY_AUTH_TOKEN", value)
    path = token_file()
    return Token(mode, str(path), read_token(path))


def loose_modes() -> list[tuple[Path, int, int]]:
    """(path, its mode, the mode it should have) of what others can read of Ray's token."""
    private = Path.home() / ".ray"
    found = []
    for path in dict.fromkeys([private, private / "auth_token", token_file()]):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            found.append((path, mode, _WANTED[path.is_dir()]))
    return found


def reach(address: str) -> Reached:
    """See who answers at an address, and whether it lets us in, within ten seconds.

    Args:
        address: `http://HOST:8265` or `HOST:8265`, `HOST:6379`, or auto.

    Raises:
        ClusterError: nobody answers, or the token is missing, wrong or expired.
    """
    token = this_token()
    if address == "auto":
        address = _find_local()
        if not token.mode and token.value:
            token = Token("token", token.source, token.value)
    try:
        host, port = _host_and_port(address)
        socket.create_connection((host, port), PATIENCE).close()
        if "://" in address:
            return _ask_dashboard(address.rstrip("/"), token)
        try:
            return _ask_dashboard(f"http://{address}", token)
        except ValueError:
            return _ask_gcs(address, token)
    except (OSError, RuntimeError, ValueError) as error:
        raise explain(error, address) from error


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


def is_open(reached: Reached) -> bool:
    """Whether a cluster lets in who has no token."""
    nothing = Token("", "", "")
    try:
        if reached.kind == "gcs":
            _ask_gcs(reached.address, nothing)
        else:
            _ask_dashboard(reached.address, nothing)
    except (ClusterError, OSError, ValueError):
        return False
    return True


def check_version(reached: Reached) -> None:
    """Raise ClusterError where a cluster runs another Ray or Python than this process."""
    here, python = metadata.version("ray"), platform.python_version()
    if reached.ray != here:
        raise ClusterError(_versions(reached.address, f"Ray {reached.ray}", f"Ray {here}"))
    if reached.python not in (None, python):
        there = f"Python {reached.python}"
        raise ClusterError(_versions(reached.address, there, f"Python {python}"))


def explain(error: BaseException, address: str) -> ClusterError:
    """What an error of `ray.init` or Ray's Jobs client means, in one sentence and what to set.

    Args:
        error: whatever was raised, with its causes.
        address: what was connected to.
    """
    if isinstance(error, ClusterError):
        return error
    said = "\n".join(_chain(error))
    token = this_token()
    if re.search(_NONE_SENT, said):
        return ClusterError(_refused(address, token, sent=False))
    if re.search(_WRONG_SENT, said):
        return ClusterError(_refused(address, token, sent=True))
    if re.search("Unauthenticated|InvalidAuthToken", said):  # the GCS does not tell which
        return ClusterError(_refused(address, token, sent=token.is_sent))
    if found := re.findall(r"^\s*(Ray|Python): (\S+)", said, re.MULTILINE)[:4]:
        words = [" ".join(one) for one in found]
        return ClusterError(_versions(address, " on ".join(words[:2]), " on ".join(words[2:])))
    if _is_silence(error, said):
        return ClusterError(
            f"{address}: no Ray cluster answers there{_reason(error)}: "
            "start it, or open the way to it (ssh -L 8265:localhost:8265 HEAD)."
        )
    if "No available agent" in said:
        return ClusterError(
            f"{address}: its head takes no jobs, as its dashboard agent does not answer: wait, or "
            "start it with another --dashboard-agent-listen-port if several Rays share its machine."
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ClusterError(f"{address}: {lines[0][:300]}")


def _chain(error: BaseException | None) -> Iterator[str]:
    """What an error and its causes say."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__


def _is_silence(error: BaseException, said: str) -> bool:
    return isinstance(error, OSError) or bool(
        re.search("Failed to connect|Could not (find|connect)|UNAVAILABLE|timed out", said)
    )


def _reason(error: BaseException) -> str:
    """Why a connection failed, in brackets, where the system says it in a few words."""
    strerror = getattr(error, "strerror", None)
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return f" within {PATIENCE:g} s"
    return f" ({strerror})" if strerror else ""


def _refused(address: str, token: Token, *, sent: bool) -> str:
    if sent:
        return (
            f"{address}: the token from {token.source} is wrong or has expired: "
            "set it to what `ray get-auth-token` prints on the cluster's head."
        )
    if token.value:
        mode = f"is {token.mode}" if token.mode else "is not set"
        return (
            f"{address}: wants a token, and Ray sends that of {token.source} only with "
            f"RAY_AUTH_MODE=token, which {mode}: set it."
        )
    if os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return (
            f"{address}: wants a token, and RAY_AUTH_TOKEN_PATH names {token.source}, which cannot "
            "be read or is empty: let it name the file with the cluster's token."
        )
    return (
        f"{address}: wants a token, and there is none here: set RAY_AUTH_MODE=token and put what "
        f"`ray get-auth-token` prints on the cluster's head into {token.source} (mode 0600)."
    )


def _versions(address: str, there: str, here: str) -> str:
    return (
        f"{address}: runs {there}, and this process {here}: "
        "install the cluster's versions here, or bring the cluster to these."
    )


def _find_local() -> str:
    """The GCS of the cluster that this machine is part of."""
    from ray._private import services

    try:
        found = services.canonicalize_bootstrap_address("auto", None)
    except (ConnectionError, ValueError) as error:
        raise _no_local() from error
    if found is None:
        raise _no_local()
    return found


def _no_local() -> ClusterError:
    return ClusterError(
        "auto: no Ray runs on this machine: start it with `ray start`, or name a cluster with "
        "--address http://HOST:8265."
    )


def _ask_dashboard(address: str, token: Token) -> Reached:
    """Ask for the version. Raises ValueError when it is no dashboard."""
    import requests

    headers = {"Authorization": f"Bearer {token.value}"} if token.is_sent else {}
    try:
        answer = requests.get(
            f"{address}/api/version", headers=headers, timeout=PATIENCE, allow_redirects=False
        )
    except requests.exceptions.Timeout:
        raise TimeoutError("timed out") from None
    except requests.exceptions.ConnectionError:
        raise ValueError(_NO_DASHBOARD) from None
    if answer.status_code in (401, 403):
        raise ClusterError(_refused(address, token, sent=answer.status_code == 403))
    try:
        return Reached("dashboard", address, str(answer.json()["ray_version"]))
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError):
        raise ValueError(_NO_DASHBOARD) from None


def _ask_gcs(address: str, token: Token) -> Reached:
    import grpc
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    told = [("authorization", f"Bearer {token.value}")] if token.is_sent else []
    try:
        with grpc.insecure_channel(address) as channel:
            stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
            request = gcs_service_pb2.CheckAliveRequest()
            answer = stub.CheckAlive(request, timeout=PATIENCE, metadata=told)
            python = _python_of(channel, told)
    except grpc.RpcError as error:
        code = error.code() if isinstance(error, grpc.Call) else None
        if code is grpc.StatusCode.UNAUTHENTICATED:
            raise ClusterError(_refused(address, token, sent=token.is_sent)) from None
        raise ClusterError(
            f"{address}: what answers there is no Ray cluster: "
            "give the address that `ray start --head` prints."
        ) from None
    return Reached("gcs", address, answer.ray_version, python)


def _python_of(channel: Any, told: list[tuple[str, str]]) -> str | None:
    """The version of a cluster's Python, None where it does not say: Ray looks again."""
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    ask = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel).InternalKVGet
    request = gcs_service_pb2.InternalKVGetRequest(key=b"CLUSTER_METADATA", namespace=b"cluster")
    value = ask(request, timeout=PATIENCE, metadata=told).value
    return json.loads(value).get("python_version") if value else None
