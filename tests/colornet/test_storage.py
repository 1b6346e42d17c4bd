"""Files that are there whole or not at all."""

import hashlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import fs

from colornet import storage as storage_module
from colornet.errors import InputError
from colornet.storage import Storage, cache_folder, check_reachable, sha256_file, write_atomic


@pytest.fixture(params=["path", "uri", "elsewhere"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A folder that is not there yet: by path, by URI, and one that is on no local disk."""
    if request.param == "path":
        return Storage.at(tmp_path / "folder")
    if request.param == "uri":
        return Storage.at((tmp_path / "folder").as_uri())
    return Storage(fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "folder", "folder")


def test_nothing_is_there_before_something_is_written(storage: Storage, tmp_path: Path) -> None:
    assert not storage.exists()
    assert not storage.exists("a")
    assert storage.names() == []
    assert storage.names("deep/er") == []
    storage.delete("a")
    with pytest.raises(FileNotFoundError):
        storage.read("a")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_read(storage: Storage) -> None:
    storage.write("a/b/part.bin", b"\x00old")
    storage.write("a/b/part.bin", b"new")
    storage.write("a/b/empty", b"")
    storage.write("a/b/deeper/x", b"x")
    assert storage.read("a/b/part.bin") == b"new"
    assert storage.read("a/b/empty") == b""
    assert storage.names("a/b") == ["empty", "part.bin"]
    assert storage.exists("a/b")
    assert storage.exists("a/b/part.bin")


def test_what_is_deleted_is_gone(storage: Storage) -> None:
    storage.write("a", b"x")
    storage.delete("a")
    storage.delete("a")
    assert not storage.exists("a")
    assert storage.names() == []


def test_where_it_is(storage: Storage, tmp_path: Path) -> None:
    local = isinstance(storage.filesystem, fs.LocalFileSystem)
    assert storage.local == (tmp_path / "folder" if local else None)


@pytest.mark.parametrize("uri", ["nonsense://x/y", "://", "s4://bucket"])
def test_unknown_places(uri: str) -> None:
    with pytest.raises(InputError) as caught:
        Storage.at(uri)
    assert uri in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = Storage.at("here")
    monkeypatch.chdir("/")
    storage.write("a", b"x")
    assert (tmp_path / "here" / "a").read_bytes() == b"x"


class _Broken(Exception):
    pass


@pytest.mark.parametrize("step", ["fdopen", "fsync", "chmod", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise _Broken

    path = tmp_path / "a"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(f"colornet.storage.os.{step}", fail)
        with pytest.raises(_Broken):
            write_atomic(path, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"


def test_a_write_that_is_interrupted_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("colornet.storage.os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_are_flushed_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def watch(name: str, real: Callable[..., object]) -> None:
        def call(*arguments: object) -> object:
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            seen.append("fsync folder" if is_folder else name)
            return real(*arguments)

        monkeypatch.setattr(f"colornet.storage.os.{name}", call)

    watch("fsync", os.fsync)
    watch("replace", os.replace)
    write_atomic(tmp_path / "a", b"x")
    assert seen == ["fsync", "replace", "fsync folder"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_modes_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "a", b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"theirs")
    (tmp_path / "a").symlink_to(other)
    write_atomic(tmp_path / "a", b"mine")
    assert other.read_bytes() == b"theirs"
    assert (tmp_path / "a").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127 + "x", "x.yaml".rjust(250, "y")])
def test_names_may_be_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    for data in (b"old", b"new"):
        write_atomic(tmp_path / name, data)
    Storage.at(tmp_path).write(f"deep/{name}", b"x")
    assert (tmp_path / name).read_bytes() == b"new"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, "deep"])
    with pytest.raises(OSError, match="too long"):
        write_atomic(tmp_path / (name + "y" * 10), b"x")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "a", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("data", [b"", b"abc", bytes(3_000_000)])
def test_sha256(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"COLORSWEEP_CACHE": "/here", "XDG_CACHE_HOME": "/there"}, "/here"),
        ({"XDG_CACHE_HOME": "/there"}, "/there/colorsweep"),
        ({"XDG_CACHE_HOME": "", "COLORSWEEP_CACHE": ""}, "/home/me/.cache/colorsweep"),
        ({"COLORSWEEP_CACHE": "~/c"}, "/home/me/c"),
    ],
)
def test_the_cache_folder(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLORSWEEP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


@pytest.mark.parametrize("name", ["../victim", "a/../../victim", "/victim", "..", "a//b", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    storage: Storage, tmp_path: Path, name: str
) -> None:
    storage.write("a/b", b"x")
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "mine").write_bytes(b"mine")
    changes: list[Callable[[], object]] = [
        lambda: storage.read(name),
        lambda: storage.write(name, b"theirs"),
        lambda: storage.open_output(name),
        lambda: storage.open_file(name),
        lambda: storage.names(name),
        lambda: storage.folders(name),
        lambda: storage.exists(name),
        lambda: storage.path(name),
        lambda: storage.move("a/b", name),
        lambda: storage.move(name, "c"),
        lambda: storage.delete(name),
        lambda: storage.delete_folder(name),
        lambda: storage.download(name, tmp_path / "copy"),
        lambda: storage.upload(victim, name, "mine"),
    ]
    for change in changes:
        with pytest.raises(InputError, match="is no name within this folder"):
            change()
    assert (victim / "mine").read_bytes() == b"mine"
    assert storage.read("a/b") == b"x"


@pytest.fixture
def linked(tmp_path: Path) -> Storage:
    """A folder with links to one beside it, of which nothing is to be changed."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "mine").write_bytes(b"mine")
    storage = Storage.at(tmp_path / "folder")
    storage.write("inner/deeper/x", b"x")
    (tmp_path / "folder" / "link").symlink_to(victim)
    (tmp_path / "folder" / "inner" / "deeper" / "link").symlink_to(victim)
    return storage


def test_what_a_link_leads_to_is_not_deleted(linked: Storage, tmp_path: Path) -> None:
    linked.delete_folder("link")
    linked.delete_folder("inner")
    assert linked.names() == linked.folders() == []
    assert (tmp_path / "victim" / "mine").read_bytes() == b"mine"


def test_nothing_is_changed_through_a_link_that_leads_out(linked: Storage, tmp_path: Path) -> None:
    for change in (
        lambda: linked.write("link/new", b"x"),
        lambda: linked.delete("link/mine"),
        lambda: linked.delete_folder("link/mine"),
        lambda: linked.move("link/mine", "x"),
        lambda: linked.move("inner/deeper/x", "link/x"),
    ):
        with pytest.raises(InputError, match="a link that leads out of"):
            change()
    assert [path.name for path in (tmp_path / "victim").iterdir()] == ["mine"]
    assert linked.read("inner/deeper/x") == b"x"


def test_links_that_lead_out_are_refused(linked: Storage, tmp_path: Path) -> None:
    (tmp_path / "whole").symlink_to(tmp_path / "folder")
    whole = Storage.at(tmp_path / "whole")
    for name in ("link", "inner/deeper/link"):
        for storage in (linked, whole):
            with pytest.raises(InputError, match="link: is a link that leads out of"):
                storage.check_entries()
        (tmp_path / "folder" / name).unlink()
    (tmp_path / "folder" / "fine").symlink_to(tmp_path / "folder" / "inner")
    linked.check_entries()
    whole.check_entries()
    whole.write("inner/new", b"x")
    assert whole.read("inner/new") == b"x"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    Storage.at(tmp_path / "folder").check_entries()
    os.mkfifo(tmp_path / "folder" / "inner" / "state.pt")
    with pytest.raises(InputError, match=r"inner/state\.pt: is no file and no folder"):
        Storage.at(tmp_path / "folder").check_entries()
    Storage.at(tmp_path / "nowhere").check_entries()


def test_a_link_to_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert not list((tmp_path / "folder").iterdir())


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    check_reachable.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key-that-is-nowhere")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_what_is_not_looked_at(tmp_path: Path) -> None:
    for location in ("", "sweeps/x", str(tmp_path / "gone"), f"file://{tmp_path}/gone"):
        check_reachable(location)


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(
        InputError, match=f"s3://b/x: cannot be reached: .*127.0.0.1:{port}"
    ) as said:
        check_reachable("s3://b/x")
    assert "\n" not in str(said.value) and "AWS_ENDPOINT_URL" in str(said.value)


def test_who_listens_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "REPLY_SECONDS", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(InputError, match=r"cannot be reached: no answer within 1\.5 s"):
            check_reachable("s3://b/x")


def test_what_is_no_uri() -> None:
    with pytest.raises(InputError, match="nonsense://x: cannot be reached"):
        check_reachable("nonsense://x")


def test_a_look_that_fails_by_itself_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module.sys, "executable", "/bin/true")
    check_reachable("s3://b/x")
