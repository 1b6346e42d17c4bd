"""A pack in memory whose colors follow from lightness, and the smallest configs that train."""

import contextlib
import hashlib
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colornet import interrupt
from colornet.config.config import Config, parse_config
from colornet.config.paths import TAGS
from colornet.config.sections.losses import AdversarialOptions

SIZE = 16
SECONDS_OF_RANKS = 120.0
"""What ranks have to end, on a busy machine."""


@dataclass
class MemoryPack:
    """What `open_pack` gives, without files."""

    pictures: np.ndarray
    splits: dict[str, np.ndarray]
    content_hash: str = "memory"

    def __post_init__(self) -> None:
        self.names = [f"picture-{index:03d}.png" for index in range(len(self.pictures))]
        self.hashes = [hashlib.sha256(p.tobytes()).hexdigest() for p in self.pictures]

    def indices(self, split: str) -> np.ndarray:
        """Positions of a split's pictures."""
        return self.splits[split]


def gradients(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Smooth pictures (count, size, size, 3) uint8: bright is blue, dark is green, some red."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / (size - 1)
    slope = rng.uniform(-1, 1, (2, count, 1, 1))
    light = 0.5 + 0.4 * np.sin(3 * (slope[0] * x + slope[1] * y) + rng.uniform(0, 6, (count, 1, 1)))
    rgb = np.stack((0.3 * light, 0.5 - 0.3 * light + 0.3 * light, light), axis=-1)
    rgb[:, :3, :3] = (0.9, 0.1, 0.1)
    return (rgb * 255).round().astype(np.uint8)


@pytest.fixture(autouse=True)
def one_thread_one_seed() -> None:
    """Side by side, tests of many threads are slower than tests of one."""
    if torch := sys.modules.get("torch"):  # tests of torch-free modules do not wait for it
        torch.set_num_threads(1)
        torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nobody_interrupts() -> None:
    """A request to stop lasts as long as its test."""
    interrupt.requested.clear()


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> MemoryPack:
    """40 training, 10 validation and 6 test pictures, which `train` is made to open."""
    order = np.random.default_rng(1).permutation(56)
    splits = {"train": order[:40], "val": order[40:50], "test": order[50:]}
    memory = MemoryPack(gradients(56), splits)
    monkeypatch.setattr("colornet.data.packs.open_pack", lambda data: memory)
    return memory


@pytest.fixture
def common(pack: MemoryPack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MemoryPack]:
    """A function of a side that has `train` open 12, 10 and 9 other scenes of seed 7."""

    def build(size: int = SIZE) -> MemoryPack:
        order = np.random.default_rng(2).permutation(31)
        splits = {"train": order[:12], "val": order[12:22], "test": order[22:]}
        memory = MemoryPack(gradients(31, size, seed=7), splits, "common")
        packs = {0: pack, 7: memory}
        monkeypatch.setattr("colornet.data.packs.open_pack", lambda data: packs[data.seed])
        return memory

    return build


@pytest.fixture
def tiny() -> Callable[..., Config]:
    """A function of overrides per section that gives a GAN of a few thousand weights."""

    def build(**sections: dict[str, object] | None) -> Config:
        values: dict[str, dict[str, object] | None] = {
            "data": {"source": "scenes", "image_size": SIZE},
            "generator": {"kind": "unet", "width": 4, "depth": 2},
            "discriminator": {"kind": "patch", "width": 4, "layers": 2},
            "loss": {"method": "gan", "label_smoothing": 0.1},
            "optimizer": {},
            "training": {"images": 96, "ticks": 3, "batch_size": 8, "checkpoint_every": 1},
        }
        for name, changes in sections.items():
            values[name] = None if changes is None else {**(values.get(name) or {}), **changes}
        return parse_config(without_contest(values), "test")

    return build


def without_contest(
    values: dict[str, dict[str, object] | None],
) -> dict[str, dict[str, object] | None]:
    """The same sections, without a discriminator and its options if the method has none."""
    loss = values["loss"] or {}
    options = TAGS["loss"][1][str(loss["method"])]
    if issubclass(options, AdversarialOptions):
        return values
    needless = AdversarialOptions.model_fields.keys() - options.model_fields.keys()
    kept = {name: value for name, value in loss.items() if name not in needless}
    return {**values, "discriminator": None, "loss": kept}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an attempt's checkpoints go."""
    return tmp_path / "attempt-1"


@pytest.fixture
def on_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """A function of a number of ranks and a task, which is run in as many processes at once.

    The task is given its rank, and sees what its test sees; what it returns must be plain data or
    arrays. Gives what each returned or raised, in order.
    """
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    rendezvous = count()

    def run(world: int, task: Callable[[int], Any]) -> list[Any]:
        context, meeting = (
            multiprocessing.get_context("fork"),
            tmp_path / f"meet-{next(rendezvous)}",
        )
        ranks = []
        for rank in range(world):
            here, there = context.Pipe()
            process = context.Process(target=_as_rank, args=(there, meeting, rank, world, task))
            process.start()
            there.close()
            ranks.append((process, here))
        try:
            deadline = time.monotonic() + SECONDS_OF_RANKS
            answered = [pipe.poll(max(0.0, deadline - time.monotonic())) for _, pipe in ranks]
            assert all(answered), f"ranks that did not end: {answered.count(False)} of {world}"
            return [pipe.recv() for _, pipe in ranks]
        finally:
            for process, _ in ranks:
                process.kill()
                process.join()

    return run


def _as_rank(pipe: Any, meeting: Path, rank: int, world: int, task: Callable[[int], Any]) -> None:
    """What the process of a rank does; an exception is an answer too."""
    from torch import distributed

    patience = timedelta(seconds=SECONDS_OF_RANKS)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=world, timeout=patience
    )
    try:
        answer = task(rank)
    except BaseException as error:
        answer = error
    pipe.send(answer)
    with contextlib.suppress(RuntimeError):  # of the others having been ended meanwhile
        distributed.barrier()  # A rank that leaves early would cut off the others' last exchange.
