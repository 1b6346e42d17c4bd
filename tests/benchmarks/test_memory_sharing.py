"""A training maps its packed pictures and copies none of them.

    python -m pytest tests/benchmarks/test_memory_sharing.py -m slow -s

Every training picture of a 500 MB pack is read, batch by batch as a training reads them;
`Anonymous` in `/proc/self/smaps_rollup` is memory of the process's own, as mapped files are not.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from colornet.data.packed import Pack
from colornet.seeds import PictureOrder
from colornet.training.steps import PictureFeed

pytestmark = pytest.mark.slow
SIZE, COUNT, BATCH = 128, 10_200, 32
MEGABYTES = 50


def anonymous() -> float:
    """This process's own memory, MB."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"Anonymous:\s+(\d+)", rollup)[1]) / 1024


def big_pack(folder: Path) -> Pack:
    """Pictures of a mapped file, with the least around them that a pack needs."""
    path = folder / "pictures.npy"
    pictures = np.lib.format.open_memmap(path, "w+", np.uint8, (COUNT, SIZE, SIZE, 3))
    pictures[:] = np.arange(SIZE, dtype=np.uint8)[:, None]
    pictures.flush()
    del pictures
    mapped = np.load(path, mmap_mode="r")
    names = [f"picture-{index}.png" for index in range(COUNT)]
    splits = {"train": np.arange(COUNT), "val": np.arange(0), "test": np.arange(0)}
    return Pack(
        pictures=mapped,
        names=names,
        hashes=names,
        classes=[""] * COUNT,
        content_hash="",
        path=folder,
        read_as="",
        skipped=[],
        split_origins={},
        checked_near_duplicates=False,
        _splits=splits,
    )


def test_reading_every_picture_costs_no_memory_of_its_own(tmp_path: Path) -> None:
    pack = big_pack(tmp_path)
    assert pack.pictures.nbytes > 500e6
    order = PictureOrder(COUNT, seed=0)
    feed = PictureFeed(
        np.asarray(pack.pictures), pack.indices("train"), order, True, torch.device("cpu")
    )
    feed.batch(0, BATCH)
    before = anonymous()
    for seen in range(0, COUNT, BATCH):
        feed.batch(seen, BATCH)
    growth = anonymous() - before
    print(f"\n{pack.pictures.nbytes / 1e6:.0f} MB read, own memory grew by {growth:.1f} MB")
    assert growth < MEGABYTES
