"""Plain values and arrays of bytes are read; what would exhaust or crash the reader is refused."""

import pickle
import struct
import time
from contextlib import suppress

import numpy as np
import pytest

from colornet.data.cifar_pickle import PickledBytes, Refused, read_pickle


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "value",
    [
        None,
        (),
        {},
        [True, False, None],
        {"a": [1, 300, 70_000, -1, 2**40], "b": ("x", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))},
        {"grüße": "→", "bytes": b"\x00\xff" * 200, "long": "x" * 300},
        [{"same": 1}] * 3,
    ],
)
def test_plain_values_are_what_they_were(value: object, protocol: int) -> None:
    assert read_pickle(pickle.dumps(value, protocol)) == value


def test_names_may_be_bytes() -> None:
    assert read_pickle(pickle.dumps({b"labels": 1}, 3)) == {"labels": 1}


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_bytes(protocol: int, shape: tuple[int, ...], order: str) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape).copy(order)
    found = read_pickle(pickle.dumps(array, protocol))
    assert isinstance(found, PickledBytes)
    np.testing.assert_array_equal(found.array, array)


def test_an_array_without_rows() -> None:
    found = read_pickle(pickle.dumps(np.zeros((0, 5), np.uint8), 3))
    assert found.array.shape == (0, 5)


@pytest.mark.parametrize(
    "value", [1.5, {1, 2}, frozenset(), 1j, bytearray(3), print, object(), ...]
)
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(Refused):
        read_pickle(pickle.dumps(value, 2))


@pytest.mark.parametrize("kind", [np.float32, np.int8, np.uint16, object, "S3", "u1,u1"])
def test_other_arrays_are_refused(kind: object) -> None:
    with pytest.raises(Refused):
        read_pickle(pickle.dumps(np.zeros(4, kind), 2))


@pytest.mark.parametrize(
    ("shape", "content"), [((2**70,), b"x"), ((-1,), b"x"), ((5,), b"x"), (("a",), b"x"), ((1,), 3)]
)
def test_arrays_that_do_not_fit(shape: object, content: object) -> None:
    begin = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n\x85R"
    state = pickle.dumps((1, shape), 2)[2:-1].replace(b"q\x00", b"").replace(b"q\x01", b"")
    dtype = b"cnumpy\ndtype\nU\x02u1\x85R"
    body = b"C" + bytes([len(content)]) + content if isinstance(content, bytes) else b"K\x03"
    one = state[state.index(b"K\x01") + 2 : state.rindex(b"\x86")]
    with pytest.raises(Refused):
        read_pickle(b"\x80\x02" + begin + b"(K\x01" + one + dtype + b"\x89" + body + b"tb.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"\x80\x02.",
        b"\x80\x02NN.",
        b"\x80\x02}",
        b"\x80\x02t.",
        b"\x80\x02h\x05.",
        b"\x80\x02\x85.",
        b"\x80\x02NNa.",
        b"\x80\x02NNNs.",
        b"\x80\x02}(Nu.",
        b"\x80\x02}(U\x01au.",
        b"\x80\x02NNR.",
        b"\x80\x04NN\x93.",
        b"\x80\x02cos\n.",
        b"\x80\x02c\n\n.",
        b"\x80\x02K\x012.",
    ],
)
def test_opcodes_that_do_not_fit(content: bytes) -> None:
    with pytest.raises(Refused):
        read_pickle(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02}r" + b"\xff" * 4 + b"N.N.",  # a memo of 64 GB
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fx.",  # bytes of that length
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",  # a number of that length
        b"\x80\x02}N" + b"\x85" * 50_000 + b"K\x01s.",  # tuples that are hashed
        b"\x80\x02}N" + b"2\x86" * 60 + b"K\x01s.",  # and twice in each other
        b"\x80\x02" + b"(" * 50_000 + b"t" * 50_000 + b"b.",
        b"\x80\x02}N" + b"\x85q\x00h\x00\x86" * 25 + b"K\x01s.",  # and from the memo
        # dictionaries whose keys collide
        b"\x80\x02}("
        + b"".join(
            b"\x8a\x20" + (n * (2**61 - 1)).to_bytes(32, "little") + b"N" for n in range(1, 20_000)
        )
        + b"u.",
    ],
    ids=["memo", "bytes", "number", "tuples", "twice", "marks", "shared", "collisions"],
)
def test_what_would_exhaust_a_reader(content: bytes) -> None:
    begin = time.process_time()
    with suppress(Refused):
        read_pickle(content)
    assert time.process_time() - begin < 1


def test_the_memo_is_no_larger_than_the_file() -> None:
    with pytest.raises(Refused, match="a number that no batch has"):
        read_pickle(b"\x80\x02]r\xff\xff\xff\xff.")
    assert read_pickle(b"\x80\x02]r\x05\x00\x00\x00.") == []
