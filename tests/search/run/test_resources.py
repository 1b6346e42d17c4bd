"""What a trial gets of a machine, and what this machine has."""

from pathlib import Path

import pytest

from colornet.errors import InputError
from search.run import resources
from search.run.resources import Allocation, Capacity, allocate, this_machine


@pytest.mark.parametrize(
    ("machine", "gpus", "concurrent", "wanted"),
    [
        (Capacity(1, 0), "auto", "auto", Allocation(1, 0.0, 1)),
        (Capacity(2, 0), "auto", "auto", Allocation(1, 0.0, 2)),
        (Capacity(2, 0), "auto", 9, Allocation(1, 0.0, 2)),
        (Capacity(8, 0), "auto", 3, Allocation(1, 0.0, 3)),
        (Capacity(16, 2), "auto", "auto", Allocation(8, 1.0, 2)),
        (Capacity(16, 2), 0.25, "auto", Allocation(2, 0.25, 8)),
        (Capacity(16, 2), 0.0, "auto", Allocation(1, 0.0, 16)),
        (Capacity(4, 8), "auto", "auto", Allocation(1, 1.0, 4)),
    ],
)
def test_split(
    machine: Capacity, gpus: str | float, concurrent: str | int, wanted: Allocation
) -> None:
    assert allocate(machine, gpus, concurrent) == wanted


@pytest.mark.parametrize(
    ("share", "alone", "wanted"),
    [
        (Allocation(2, 0.5, 4), False, {"cpu": 2, "gpu": 0.5}),
        (Allocation(2, 0.5, 4), True, {"cpu": 2, "gpu": 1}),
        (Allocation(2, 2.0, 1), True, {"cpu": 2, "gpu": 2}),
        (Allocation(1, 0.0, 2), True, {"cpu": 1, "gpu": 0}),
        (Allocation(8, 1.0, 1, workers=2), False, {"cpu": 0, "memory": 1}),
    ],
)
def test_what_ray_reserves_for_an_actor(
    share: Allocation, alone: bool, wanted: dict[str, float]
) -> None:
    assert share.of_actor({"alone": alone}) == wanted


@pytest.mark.parametrize(("gpus", "cards"), [(1.0, 0), (3.0, 2), (1.5, 2)])
def test_more_cards_than_there_are_are_refused(gpus: float, cards: int) -> None:
    with pytest.raises(InputError, match=r"resources\.gpus"):
        allocate(Capacity(4, cards), gpus, "auto")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine says what it has; nothing yet."""
    monkeypatch.setattr(resources, "CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(resources, "CARDS", tmp_path / "gpus")
    monkeypatch.setattr(resources.os, "cpu_count", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [(None, 8), ("max 100000", 8), ("350000 100000", 3), ("50000 100000", 1), ("", 8)],
)
def test_a_container_gets_the_cpus_of_its_quota(proc: Path, quota: str | None, cpus: int) -> None:
    if quota is not None:
        (proc / "cpu.max").write_text(quota)
    assert this_machine() == Capacity(cpus, 0.0)


@pytest.mark.parametrize(
    ("visible", "cards"), [(None, 2), ("", 0), ("-1", 0), ("1", 1), ("0,1,2", 2)]
)
def test_cards_that_are_hidden_do_not_count(
    proc: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, cards: int
) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (proc / "gpus" / name).mkdir(parents=True)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert this_machine().gpus == cards
