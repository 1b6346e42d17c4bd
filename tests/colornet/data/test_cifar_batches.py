"""Batches are read right, and whatever else a pickle holds is refused with nothing run."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colornet.data.cifar_batches import (
    CLASSES,
    read_binary_batch,
    read_python_batch,
    read_python_classes,
    read_text_classes,
)
from colornet.errors import InputError

Rows = tuple[list[int], np.ndarray]
MakeRows = Callable[[int, int], Rows]
MakeBatch = Callable[..., bytes]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What the payloads would make."""
    return tmp_path / "run"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data_batch_1"


def message(file: Path, content: bytes, read: Callable[[Path], object] = read_python_batch) -> str:
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(file)
    text = str(caught.value)
    assert str(file) in text
    assert len(text.splitlines()) <= 3
    return text


# What is right


def test_both_versions_give_the_same_rows(
    file: Path, random_rows: MakeRows, binary_batch: MakeBatch, python_batch: MakeBatch
) -> None:
    rows = random_rows(7, 0)
    file.write_bytes(python_batch(rows))
    python = read_python_batch(file)
    file.write_bytes(binary_batch(rows))
    binary = read_binary_batch(file)
    for batch in (python, binary):
        assert batch.labels.tolist() == rows[0]
        np.testing.assert_array_equal(batch.planes, rows[1])


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("module", ["numpy.core", "numpy._core"])
def test_a_batch_may_be_written_by_a_newer_python_and_numpy(
    file: Path, random_rows: MakeRows, protocol: int, module: str
) -> None:
    labels, planes = random_rows(3, 0)
    content = pickle.dumps({"labels": labels, "data": planes, "extra": None}, protocol)
    now, then = (b"numpy." + core + b".multiarray" for core in (b"_core", b"core"))
    if module == "numpy.core" and protocol < 4:
        assert now in content
        content = content.replace(now, then)
    file.write_bytes(content)
    np.testing.assert_array_equal(read_python_batch(file).planes, planes)


def test_an_array_may_be_stored_by_columns(file: Path, random_rows: MakeRows) -> None:
    labels, planes = random_rows(3, 0)
    file.write_bytes(pickle.dumps({"labels": labels, "data": np.asfortranarray(planes)}, 2))
    np.testing.assert_array_equal(read_python_batch(file).planes, planes)


def test_class_names(file: Path) -> None:
    file.write_bytes(pickle.dumps({"label_names": ["cat", "dog"], "num_vis": 3072}, 2))
    assert read_python_classes(file) == ("cat", "dog")
    file.write_text("cat\ndog\n\n")
    assert read_text_classes(file) == ("cat", "dog")
    file.write_text("\n")
    assert read_text_classes(file) == CLASSES


# Programs


class Payload:
    """Runs a function when it is unpickled."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced


def touch(marker: Path) -> str:
    return f"touch {marker}"


def opcodes(module: str, name: str, argument: str) -> bytes:
    """A call as Python 2 pickles it."""
    text = b"U" + bytes([len(argument)]) + argument.encode()
    return f"c{module}\n{name}\n".encode() + text + b"\x85R"


def test_the_payload_works_where_nothing_refuses_it(marker: Path) -> None:
    pickle.loads(pickle.dumps(Payload(os.system, touch(marker)), 2))
    assert marker.exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("place", ["top", "labels", "data", "key", "beside"])
def test_a_payload_anywhere_is_refused(
    file: Path, marker: Path, random_rows: MakeRows, protocol: int, place: str
) -> None:
    labels, planes = random_rows(2, 0)
    payload = Payload(os.system, touch(marker))
    contents: dict[str, object] = {
        "top": payload,
        "labels": {"labels": [payload], "data": planes},
        "data": {"labels": labels, "data": payload},
        "key": {payload: 1},
        "beside": {"labels": labels, "data": planes, "extra": payload},
    }
    text = message(file, pickle.dumps(contents[place], protocol))
    # Only protocols 2 to 4 are read as far as the name.
    assert "posix.system" in text or protocol not in (2, 3, 4)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "call"),
        ("numpy", "load"),
        ("numpy", "f2py"),
        ("numpy.f2py", "compile"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "dtype.__class__"),
        ("numpy.core.multiarray", "fromfile"),
        ("_codecs", "lookup"),
        ("pickle", "loads"),
        ("copyreg", "_reconstructor"),
        ("colornet.data.cifar_batches", "_Reader"),
    ],
    ids=".".join,
)
def test_gadgets_are_refused_in_a_dtype_too(
    file: Path,
    marker: Path,
    random_rows: MakeRows,
    python_batch: MakeBatch,
    name: tuple[str, str],
) -> None:
    call = opcodes(*name, touch(marker))
    argument = b"cnumpy\ndtype\n" + call + b"\x85R"
    state = b"cnumpy\ndtype\nU\x02u1\x85R" + call + b"b"
    for dtype in (call, argument, state):
        text = message(file, python_batch(random_rows(2, 0), dtype=dtype))
        assert f"names '{'.'.join(name)}'" in text
    assert not marker.exists()


@pytest.mark.parametrize(
    "more",
    [
        b"(U\x02idios\nsystem\n",  # INST
        b"(cos\nsystem\nU\x02ido",  # OBJ
        b"U\x02idQ",  # a persistent id
        b"\x82\x01",  # an extension
        b"cnumpy\ndtype\n)\x81",  # NEWOBJ
        b"cnumpy\nndarray\n)R",
        b"cnumpy\ndtype\nU\x01O\x85R",
        b"cnumpy\ndtype\n}U\x08__call__K\x01sb",  # what may be called is changed
        b"cnumpy\ndtype\nN}U\x05_callK\x01s\x86b",
        b"c_codecs\nencode\nU\x01xU\x03zip\x86R",
        b"\x97",  # a buffer from outside
    ],
)
def test_other_ways_into_a_program_are_refused(
    file: Path, random_rows: MakeRows, python_batch: MakeBatch, more: bytes
) -> None:
    rows = random_rows(2, 0)
    message(file, python_batch(rows, more=b"U\x01x" + more))
    file.write_bytes(python_batch(rows))
    assert read_python_batch(file).labels.tolist() == rows[0]


def test_class_names_are_read_as_carefully(file: Path, marker: Path) -> None:
    payload = pickle.dumps({"label_names": [Payload(os.system, touch(marker))]}, 2)
    assert "system" in message(file, payload, read_python_classes)
    assert not marker.exists()


# Damage


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 10, 40, 100, 400, 4000, -1, -2, -50])
def test_truncated_python_batches(
    file: Path, random_rows: MakeRows, python_batch: MakeBatch, kept: int
) -> None:
    content = python_batch(random_rows(3, 0))
    message(file, content[:kept])


def test_python_batches_with_bytes_changed_never_crash(
    file: Path, random_rows: MakeRows, python_batch: MakeBatch
) -> None:
    content = python_batch(random_rows(2, 0))
    chance = np.random.default_rng(0)
    refused = 0
    for position in chance.integers(0, 300, 200):
        damaged = bytearray(content)
        damaged[position] = chance.integers(0, 256)
        file.write_bytes(damaged)
        try:
            assert read_python_batch(file).planes.shape[1] == 3072
        except InputError as error:
            refused += 1
            assert len(str(error).splitlines()) <= 3
    assert refused > 50


@pytest.mark.parametrize(
    ("value", "gist"),
    [
        ([1, 2], "a list, not a dictionary"),
        ({}, "'data' is no array"),
        ({"labels": [1], "data": [0] * 3072}, "'data' is no array"),
        ({"labels": [1], "data": np.zeros((1, 3072))}, "not of bytes"),
        ({"labels": [1], "data": np.zeros((1, 3072), object)}, "not of bytes"),
        ({"labels": [1], "data": np.zeros((1, 32, 32, 3), np.uint8)}, "not a CIFAR-10 batch"),
        ({"labels": [1], "data": np.zeros((1, 12), np.uint8)}, "no array of rows of 3072 bytes"),
        ({"labels": [1, 2], "data": np.zeros((1, 3072), np.uint8)}, "2 labels for 1 picture"),
        ({"labels": ["a"], "data": np.zeros((1, 3072), np.uint8)}, "no list of integers"),
        ({"labels": [-1], "data": np.zeros((1, 3072), np.uint8)}, "a label out of range"),
        ({"labels": (1,), "data": np.zeros((1, 3072), np.uint8)}, "no list of integers"),
    ],
)
def test_pickles_of_something_else(file: Path, value: object, gist: str) -> None:
    assert gist in message(file, pickle.dumps(value, 2))


@pytest.mark.parametrize("value", [{}, {"label_names": []}, {"label_names": [1]}])
def test_strange_class_names(file: Path, value: object) -> None:
    assert "label_names" in message(file, pickle.dumps(value, 2), read_python_classes)


@pytest.mark.parametrize("size", [1, 3072, 3074, 5 * 3073 - 1])
def test_truncated_binary_batches(file: Path, size: int) -> None:
    text = message(file, b"\x01" * size, read_binary_batch)
    assert f"{size} bytes: not a multiple of 3073" in text


def test_text_that_is_none(file: Path) -> None:
    assert "not text" in message(file, b"\xff\xfe\xfd", read_text_classes)


def test_a_missing_batch(file: Path) -> None:
    for read in (read_python_batch, read_binary_batch):
        with pytest.raises(InputError, match="cannot be read"):
            read(file)
