"""What earlier sweeps tell of this machine's speed."""

import json
import logging
import math
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.plan import past_speed
from search.plan.estimate import BETWEEN, Measured
from search.plan.past_speed import _starts_apart, past_trainings
from search.records.writer import RecordsWriter, create_sweep
from search.run.resources import Allocation, Capacity
from spaces.study import Study

MakeStudy = Callable[..., Study]
SHARE = Allocation(1, 0.0, 2)
COSTS = {
    "cost_step_seconds": 2.0,
    "cost_evaluation_seconds": 0.4,
    "cost_diagnosis_seconds": 0.1,
    "cost_checkpoint_seconds": 0.05,
    "cost_training_gmac_per_picture": 0.5,
}
PICTURES = {
    "content_hash": "d1",
    "pictures": 40,
    "splits": {"train": 30, "val": 5, "test": 5},
}


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_speed, "this_machine", lambda: Capacity(2, 0.0))


@pytest.fixture
def record(make_study: MakeStudy, tmp_path: Path) -> Callable[..., Path]:
    """A function that gives the folder of a sweep with one trial of two ticks."""

    def make(
        *states: str,
        host: str | None = None,
        name: str = "sweep",
        ticks: int = 2,
        pictures: bool = True,
        **costs: Any,
    ) -> Path:
        study = make_study(1, resources={"concurrent": "auto"})
        described = {
            "host": host or socket.gethostname(),
            "cpus": len(os.sched_getaffinity(0)),
            "data": [PICTURES] if pictures else None,
        }
        folder = tmp_path / "sweeps" / name
        create_sweep(folder, study.to_data(), described)
        writer = RecordsWriter(folder)
        identity = {"trial_id": "t00000", "number": 0, "attempt": 0, "seed": 0}
        config = json.dumps({"training": {"checkpoint_every": 2}})
        for state in states:
            writer.add("trials", {**identity, "state": state, "point": "{}", "config": config})
            if state == "running":
                for tick in range(1, ticks + 1):
                    seen = {"tick": tick, "images": 32 * tick, "seconds": 3.0 * tick}
                    writer.add("ticks", {**identity, **seen, **COSTS, **costs})
        writer.commit()
        return folder

    return make


def test_without_its_pictures_a_sweep_tells_nothing(
    record: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert past_trainings(SHARE, record("running", "completed", pictures=False).parent) == []
    assert caplog.text == ""


def test_without_sweeps_nothing_is_known(tmp_path: Path) -> None:
    assert past_trainings(SHARE, tmp_path / "nowhere") == []
    assert past_trainings(SHARE, tmp_path) == []


def test_a_training_tells_what_its_parts_took(record: Callable[..., Path]) -> None:
    (found,) = past_trainings(SHARE, record("running", "completed").parent)
    assert found.gmac == 0.5
    assert found.picture == pytest.approx(4.0 / 64)
    assert found.judged == pytest.approx(0.8 / (2 * 5))
    assert found.diagnosis == pytest.approx(0.1)
    assert found.checkpoint == pytest.approx(0.1)  # two ticks hold the time of one checkpoint
    assert 0 <= found.overhead <= BETWEEN
    assert found.start is not None


def test_the_first_trial_of_a_slot_tells_how_an_actor_starts() -> None:
    one = Measured(1.0, 0.01, 0.0, 0.0, 0.0, overhead=9.0)
    took = {0: one, 1: replace(one, overhead=8.0), 2: replace(one, overhead=1.0)}
    found = _starts_apart(took, slots=2)
    assert [(each.overhead, each.start) for each in found] == [(1.0, 8.0), (1.0, 7.0), (1.0, None)]
    assert _starts_apart({}, slots=2) == []
    (alone,) = _starts_apart({0: one}, slots=2)
    assert (alone.overhead, alone.start) == (BETWEEN, 9.0 - BETWEEN)


@pytest.mark.parametrize(
    "states",
    [
        ("running",),
        ("running", "failed"),
        ("running", "diverged"),
        ("running", "preempted", "running", "completed"),
    ],
)
def test_trainings_that_did_not_end_well_at_once_do_not_count(
    record: Callable[..., Path], states: tuple[str, ...]
) -> None:
    assert past_trainings(SHARE, record(*states).parent) == []


@pytest.mark.parametrize(
    "costs",
    [
        {"cost_step_seconds": math.nan},
        {"cost_step_seconds": 0.0},
        {"cost_training_gmac_per_picture": 0.0},
        {"cost_diagnosis_seconds": math.inf},
    ],
)
def test_costs_that_are_none_do_not_count(
    record: Callable[..., Path], costs: dict[str, float]
) -> None:
    assert past_trainings(SHARE, record("running", "completed", **costs).parent) == []


def test_other_machines_and_shares_do_not_count(record: Callable[..., Path]) -> None:
    folder = record("running", "completed", host="elsewhere").parent
    assert past_trainings(SHARE, folder) == []
    record("running", "completed", name="here")
    assert len(past_trainings(SHARE, folder)) == 1
    assert past_trainings(Allocation(1, 0.0, 1), folder) == []
    assert past_trainings(Allocation(1, 1.0, 2), folder) == []


def test_torn_and_foreign_sweeps_are_passed_over(
    record: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = record("running", "completed").parent
    torn = record("running", "completed", name="torn")
    for part in torn.glob("records/ticks/*"):
        part.write_bytes(part.read_bytes()[:-20])
    for name, text in (("newer", "version: 9"), ("broken", "{"), ("empty", "")):
        (folder / name).mkdir()
        (folder / name / "study.yaml").write_text(text)
    with caplog.at_level(logging.WARNING, "colorsweep"):
        assert len(past_trainings(SHARE, folder)) == 1
    assert {name for name in ("newer", "broken", "empty") if name in caplog.text} == {
        "newer",
        "broken",
        "empty",
    }


def test_a_sweep_of_another_version_without_costs_tells_nothing(played: Path) -> None:
    (played / "provenance.json").write_text(
        json.dumps({"host": socket.gethostname(), "cpus": len(os.sched_getaffinity(0))})
    )
    assert past_trainings(SHARE, played.parent) == []
