"""Time and GPU hours, from what trainings took."""

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

from search.plan import estimate
from search.plan.estimate import (
    ACTOR_START,
    BETWEEN,
    RAY_START,
    ConfigCost,
    SpeedModel,
    TrainingTimes,
    _separate_starts,
    count_configs,
    hours,
    past_trainings,
)
from search.plan.workload import TrialLength, Workload
from search.records.writer import RecordsWriter, create_sweep
from search.run.resources import Allocation, Capacity
from spaces.study import Study

ONE = TrainingTimes(
    gmac=1.0, picture=0.01, judged=0.002, diagnosis=0.5, checkpoint=0.25, overhead=2.0
)
COST = ConfigCost(gmac=1.0, held_out=100, tested=50, checkpoint_every=5)
FULL = TrialLength(config=0, ticks=10, images=1000)
TRIAL = 1000 * 0.01 + 10 * (100 * 0.002 + 0.5) + 2 * 0.25 + 2.0


def load(*lengths: TrialLength, confirm: tuple[TrialLength, ...] = ()) -> Workload:
    return Workload([], [], [*lengths], [*lengths], [[*lengths]], [*confirm])


def test_a_trial_is_its_pictures_ticks_checkpoints_and_what_is_beside() -> None:
    assert SpeedModel([ONE]).seconds(COST, FULL) == pytest.approx(TRIAL)
    assert SpeedModel([ONE]).seconds(COST, FULL, tested=True) == pytest.approx(TRIAL + 50 * 0.002)


def test_a_stopped_trial_takes_less() -> None:
    short = TrialLength(config=0, ticks=4, images=400)
    wanted = 400 * 0.01 + 4 * (100 * 0.002 + 0.5) + 2.0  # before its first checkpoint
    assert SpeedModel([ONE]).seconds(COST, short) == pytest.approx(wanted)


@pytest.mark.parametrize("gmac", [0.1, 1.0, 30.0])
def test_time_is_proportional_to_work_beyond_what_was_measured(gmac: float) -> None:
    bare = TrainingTimes(1.0, 0.01, 0.0, 0.0, 0.0, 0.0)
    assert SpeedModel([bare]).seconds(replace(COST, gmac=gmac), FULL) == pytest.approx(10 * gmac)


def test_between_two_sizes_time_is_interpolated() -> None:
    small = TrainingTimes(1.0, 0.02, 0.0, 0.0, 0.0, 0.0)  # 0.02 s per GMAC
    large = TrainingTimes(100.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # 0.01
    middle = SpeedModel([small, large]).seconds(replace(COST, gmac=10.0), FULL)
    assert middle == pytest.approx(1000 * 10 * 0.015)


def test_equal_trainings_give_median_and_tenths() -> None:
    measured = [replace(ONE, picture=0.01 * factor) for factor in (0.5, 0.8, 1.0, 1.2, 3.0)]
    speed = SpeedModel(measured)
    assert speed.seconds(COST, FULL) == pytest.approx(TRIAL)
    assert speed.low == pytest.approx(0.62)
    assert speed.high == pytest.approx(2.28)


def test_a_single_measurement_still_leaves_room() -> None:
    assert (SpeedModel([ONE]).low, SpeedModel([ONE]).high) == (0.9, 1.1)


def test_hours_of_one_trial() -> None:
    found = hours(SpeedModel([ONE]), load(FULL), [COST], slots=2)
    assert found.training.expected * 3600 == pytest.approx(TRIAL)
    assert found.busy.expected * 3600 == pytest.approx(TRIAL + ACTOR_START)
    assert found.wall.expected * 3600 == pytest.approx(TRIAL + ACTOR_START + RAY_START)
    assert found.training.low == pytest.approx(0.9 * found.training.expected)
    assert found.training.high == pytest.approx(1.1 * found.training.expected)


def test_where_an_actor_starts_slowly_so_does_ray() -> None:
    slow = replace(ONE, start=3 * ACTOR_START)
    found = hours(SpeedModel([ONE, slow, slow]), load(FULL), [COST], slots=2)
    assert found.busy.expected * 3600 == pytest.approx(TRIAL + 3 * ACTOR_START)
    wall = TRIAL + 3 * (ACTOR_START + RAY_START)
    assert found.wall.expected * 3600 == pytest.approx(wall)


def test_confirmation_waits_for_the_whole_search() -> None:
    tested = TRIAL + 50 * 0.002
    found = hours(SpeedModel([ONE]), load(FULL, FULL, FULL, confirm=(FULL,)), [COST], slots=2)
    assert found.busy.expected * 3600 == pytest.approx(2 * TRIAL + tested + ACTOR_START)
    assert found.training.expected * 3600 == pytest.approx(3 * TRIAL + tested)


def test_each_trial_costs_what_its_config_costs() -> None:
    bare = SpeedModel([TrainingTimes(1.0, 0.01, 0.0, 0.0, 0.0, 0.0)])
    other = replace(FULL, config=1)
    found = hours(bare, load(FULL, other), [COST, replace(COST, gmac=3.0)], slots=1)
    assert found.training.expected * 3600 == pytest.approx(10 + 30)


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
    monkeypatch.setattr(estimate, "this_machine", lambda: Capacity(2, 0.0))


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
    one = TrainingTimes(1.0, 0.01, 0.0, 0.0, 0.0, overhead=9.0)
    took = {0: one, 1: replace(one, overhead=8.0), 2: replace(one, overhead=1.0)}
    found = _separate_starts(took, slots=2)
    assert [(each.overhead, each.start) for each in found] == [(1.0, 8.0), (1.0, 7.0), (1.0, None)]
    assert _separate_starts({}, slots=2) == []
    (alone,) = _separate_starts({0: one}, slots=2)
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


def test_rates_and_weights_are_counted_once_and_widths_anew(
    make_study: Callable[..., Study],
) -> None:
    study = make_study()
    point = {"generator.width": 4, "loss.l1_weight": 10, "loss.adversarial": "bce"}
    first, other, wide = count_configs(
        [
            study.config(point, 0),
            study.config({**point, "loss.l1_weight": 20}, 7),
            study.config({**point, "generator.width": 8}, 0),
        ]
    )
    assert other is first
    assert wide.training_gmac > first.training_gmac > 0
    assert wide.generator > first.generator
    assert first.learned > first.generator


def test_a_loss_without_a_distance_is_another_config(make_study: Callable[..., Study]) -> None:
    study = make_study()
    first, other = count_configs([study.config({"loss.l1_weight": w}, 0) for w in (10, 0)])
    assert other is not first
