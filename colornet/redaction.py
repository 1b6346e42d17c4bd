"""Secrets taken out of whatever is logged, recorded, reported or raised.

What is a secret: Ray's authentication token; the value of an environment variable whose name says
so; the user's part of a URL; a parameter or assignment whose name says so.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

HIDDEN = "***"
SHORTEST = 6
"""Characters below which a value is no secret: `0`, `false`, `auto`."""

_NAME = r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|KEY"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_NAMES_A_PLACE = re.compile(r"_(PATH|FILE|DIR|MODE)$", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^\s/@'\"]*(?::[^\s@'\"]*)?@")
_ASSIGNED = re.compile(
    # A name that is searched for a secret's word has an end, or long words would take for ever.
    rf"(?P<name>[\w.-]{{0,64}}(?:{_NAME}|SIGNATURE)[\w.-]{{0,64}})=(?P<value>[^\s&'\",;]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?<=\bBearer )\S+", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with `***` in place of every secret."""
    return _redact(text, _known())


def find_secret(values: Mapping[str, str]) -> str | None:
    """The key of the first text that `redact` would change."""
    known = _known()
    return next((key for key, text in values.items() if _redact(text, known) != text), None)


def _redact(text: str, known: Sequence[str]) -> str:
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _USER.sub(f"{HIDDEN}@", text)
    text = _ASSIGNED.sub(
        lambda match: f"{match['name']}={HIDDEN}" if _is_secret_name(match["name"]) else match[0],
        text,
    )
    return _BEARER.sub(HIDDEN, text)


def token_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Ray reads its token when `RAY_AUTH_TOKEN` does not hold it."""
    named = environment.get("RAY_AUTH_TOKEN_PATH")
    return Path(named) if named else Path.home() / ".ray" / "auth_token"


def read_token(path: Path) -> str:
    """The token in a file, empty when it cannot be read."""
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _known() -> list[str]:
    """The values of secrets that this process can see, the longest first."""
    tokens = {read_token(path) for path in {token_file(), token_file({})}}
    for name, value in os.environ.items():
        if _is_secret_name(name) and not (os.path.isabs(value) and os.path.exists(value)):
            tokens.add(value)
    return sorted((text for text in tokens if len(text) >= SHORTEST), key=len, reverse=True)


def _is_secret_name(name: str) -> bool:
    """A name such as `RAY_AUTH_TOKEN_PATH` is that of a place, which people need to read."""
    return not _NAMES_A_PLACE.search(name) and bool(
        _SECRET_NAME.search(name) or re.search("signature", name, re.IGNORECASE)
    )
