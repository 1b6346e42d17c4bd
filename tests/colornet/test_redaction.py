"""What of a text is a secret, and what people need to read."""

from pathlib import Path

import pytest

from colornet.errors import InputError
from colornet.redaction import HIDDEN, find_secret, read_token, redact, token_file


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a token."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write_token(home: Path, text: str) -> Path:
    path = home / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.1:6379: nobody answers",
        "see http://127.0.0.1:8265/api/version",
        "s3://bucket/pictures?region=eu-west-1",
        "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=/home/me/token",
        "wrong token: set RAY_AUTH_TOKEN to the head node's",
        "optimizer.lr_ratio=0.5",
        "mail me@example.org",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text
    assert find_secret({"key": text}) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://me:pass/word+x@bucket/pictures", "s3://***@bucket/pictures"),
        ("http://user@host:8265", "http://***@host:8265"),
        ("'https://a:b@host/x' and http://c:d@e", "'https://***@host/x' and http://***@e"),
        ("s3://b/p?secret_key=abc&region=eu", "s3://b/p?secret_key=***&region=eu"),
        ("https://h/x?X-Amz-Signature=abc", "https://h/x?X-Amz-Signature=***"),
        ("WANDB_API_KEY=abc trains", "WANDB_API_KEY=*** trains"),
        ("authorization: Bearer abc.def", "authorization: Bearer ***"),
    ],
)
def test_secrets_are_known_by_their_form(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert find_secret({"plain": "x", "key": text}) == "key"


@pytest.mark.parametrize(
    "name", ["RAY_AUTH_TOKEN", "MY_SECRET", "DB_PASSWORD", "api_key", "AWS_CREDENTIAL_1"]
)
def test_the_environment_gives_its_secrets_away(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/opensesame/1234")
    assert redact("it is /opensesame/1234, is it?") == f"it is {HIDDEN}, is it?"


def test_places_and_switches_of_the_environment_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/nowhere/token")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    text = f"{tmp_path}, /nowhere/token, false"
    assert redact(text) == text


def test_the_token_file_is_known(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_token(private_home, "0123abcd\n")
    other = private_home / "other"
    other.write_text("another-token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    assert redact("0123abcd another-token") == f"{HIDDEN} {HIDDEN}"


def test_a_secret_inside_another_leaves_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abcdef")
    monkeypatch.setenv("B_TOKEN", "abcdefghi")
    assert redact("abcdefghi") == HIDDEN


@pytest.mark.parametrize("text", ["", "a"])
def test_an_empty_or_short_token_changes_nothing(private_home: Path, text: str) -> None:
    write_token(private_home, text)
    assert redact("a banana") == "a banana"


def test_a_token_file_that_is_none_reads_as_empty(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert [read_token(tmp_path / name) for name in ("gone", "binary", ".")] == ["", "", ""]


def test_where_the_token_is_read(private_home: Path) -> None:
    assert token_file({}) == private_home / ".ray" / "auth_token"
    assert token_file({"RAY_AUTH_TOKEN_PATH": "/x/y"}) == Path("/x/y")


def test_an_error_is_shown_without_secrets() -> None:
    error = InputError("s3://key:word@bucket: unknown.")
    assert str(error) == "s3://***@bucket: unknown."
    assert f"{error}" == str(error)
