"""Folders of small pictures, CIFAR-10 batches and Parquet files to open, and to trip over."""

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from colornet.config.sections.data import Cifar10Data, FolderData, ParquetData

PictureMaker = Callable[..., Path]
Rows = tuple[list[int], np.ndarray]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has packed into."""
    monkeypatch.setenv("COLORSWEEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def make_picture(root: Path) -> PictureMaker:
    """make_picture(name, seed, side=40): a random colored picture under the root."""

    def make(name: str, seed: int, side: int = 40) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(colors).resize((side, side), Image.Resampling.NEAREST).save(path)
        return path

    return make


@pytest.fixture
def twelve(root: Path, make_picture: PictureMaker) -> Path:
    """A root with two classes of six pictures."""
    for seed in range(12):
        make_picture(f"{'land' if seed % 2 else 'sea'}/{seed:02d}.png", seed)
    return root


def folder_data(root: str | os.PathLike[str], **options: object) -> FolderData:
    """A data section for a folder, at 16 px unless said otherwise."""
    return FolderData(source="folder", root=os.fspath(root), **{"image_size": 16, **options})


@pytest.fixture(name="folder_data")
def folder_data_fixture() -> Callable[..., FolderData]:
    return folder_data


def random_rows(count: int, seed: int) -> Rows:
    """Labels, and planes of smooth random colors (count, 3072) uint8, as a batch has them."""
    chance = np.random.default_rng(seed)
    colors = chance.integers(0, 256, (count, 3, 4, 4), dtype=np.uint8)
    planes = colors.repeat(8, axis=2).repeat(8, axis=3).reshape(count, 3072)
    return [number % 10 for number in range(count)], planes


def binary_batch(rows: Rows) -> bytes:
    """A file of the binary version."""
    return b"".join(bytes([label]) + row.tobytes() for label, row in zip(*rows, strict=True))


def text(value: str) -> bytes:
    """A str as Python 2 pickles it."""
    return b"U" + bytes([len(value)]) + value.encode()


NUMPY_1 = b"cnumpy.core.multiarray\n_reconstruct\n"
DTYPE = b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R"
DTYPE_STATE = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def python_batch(rows: Rows, dtype: bytes = DTYPE + DTYPE_STATE, more: bytes = b"") -> bytes:
    """A file of the python version, in the opcodes that Python 2 and NumPy 1 wrote."""
    labels, planes = rows
    content = planes.tobytes()
    shape = b"J" + struct.pack("<i", len(planes)) + b"M\x00\x0c\x86"
    array = NUMPY_1 + b"cnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R"
    state = b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(content)) + content + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    items = text("labels") + listed + text("data") + array + state + more
    return b"\x80\x02}(" + items + b"u."


@pytest.fixture(params=["python", "binary"])
def batches(root: Path, request: pytest.FixtureRequest) -> Path:
    """A root with two training batches of ten rows and a test batch of five."""
    python = request.param == "python"
    folder = root / ("cifar-10-batches-py" if python else "cifar-10-batches-bin")
    folder.mkdir()
    for number, (name, count) in enumerate(
        {"data_batch_1": 10, "data_batch_4": 10, "test_batch": 5}.items()
    ):
        rows = random_rows(count, number)
        if python:
            (folder / name).write_bytes(python_batch(rows))
        else:
            (folder / f"{name}.bin").write_bytes(binary_batch(rows))
    return root


def cifar10_data(root: str | os.PathLike[str], **options: object) -> Cifar10Data:
    """A data section for CIFAR-10."""
    return Cifar10Data(source="cifar10", root=os.fspath(root), **options)


@pytest.fixture(name="cifar10_data")
def cifar10_data_fixture() -> Callable[..., Cifar10Data]:
    return cifar10_data


def png(seed: int, side: int = 20) -> bytes:
    """A random colored picture as bytes of a PNG."""
    colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colors).resize((side, side), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path: Path, columns: dict[str, object], **options: object) -> Path:
    """A Parquet file; the option `metadata` is the schema's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = options.pop("metadata", None)
    table = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(table, path, **options)
    return path


@pytest.fixture
def pngs() -> list[bytes]:
    return [png(seed) for seed in range(12)]


@pytest.fixture
def rows(root: Path, pngs: list[bytes]) -> Path:
    """A Parquet file of twelve pictures in row groups of five, with classes 0, 1 and 2."""
    columns = {"image": pngs, "label": [number % 3 for number in range(12)]}
    return write_parquet(root / "pictures.parquet", columns, row_group_size=5)


def parquet_data(root: str | os.PathLike[str], **options: object) -> ParquetData:
    """A data section for Parquet files, at 16 px unless said otherwise."""
    return ParquetData(source="parquet", root=os.fspath(root), **{"image_size": 16, **options})


@pytest.fixture(name="parquet_data")
def parquet_data_fixture() -> Callable[..., ParquetData]:
    return parquet_data


@pytest.fixture(name="random_rows")
def random_rows_fixture() -> Callable[..., Rows]:
    return random_rows


@pytest.fixture(name="binary_batch")
def binary_batch_fixture() -> Callable[..., bytes]:
    return binary_batch


@pytest.fixture(name="python_batch")
def python_batch_fixture() -> Callable[..., bytes]:
    return python_batch


@pytest.fixture(name="png")
def png_fixture() -> Callable[..., bytes]:
    return png


@pytest.fixture(name="write_parquet")
def write_parquet_fixture() -> Callable[..., Path]:
    return write_parquet
