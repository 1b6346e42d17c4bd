"""Folders of small pictures to open, and to trip over."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colornet.config import FolderData

PictureMaker = Callable[..., Path]


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
