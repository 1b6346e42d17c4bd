"""What must hold in every sweep: no early value in a front, no NaN at the top, no trial forgotten.

And a sweep that is killed at any moment goes on as if it had not been.
"""

import copy
import shutil
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiments import SmallSweep, on_all_cores, small_sweep, some_fail, study_of, surface_of
from simulation import OBJECTIVES, WORKERS, Simulation, fast_folder, new_recorder
from surface import IMAGES

from search.core.ask_tell import AskTell, Assignment
from search.records.reader import SweepRecords, read_sweep
from search.run.recorder import Recorder

SWEEPS = 1000
KILLS = 50
TRAININGS = 36
"""Whose pictures a killed sweep may see in all."""
SEARCHED: dict[str, dict[str, Any]] = {
    "one objective": {},
    "front": {"objectives": dict.fromkeys(OBJECTIVES, "minimize")},
    "gaussian process": {"sampler": "gp", "stopping": {"rule": "asha", "grace": "auto"}},
    "promotion": {"stopping": {"rule": "asha", "grace": 0.1, "factor": 3, "promote": True}},
    "under a bound": {
        "objectives": dict.fromkeys(OBJECTIVES, "minimize"),
        "decide": {"by": OBJECTIVES[0], "subject_to": {OBJECTIVES[1]: "<= 8"}},
    },
}
PROPOSALS = 3
"""New trials that are compared after each kill."""


@pytest.mark.slow
def test_no_early_value_in_a_front_and_no_nan_at_the_top() -> None:
    done = on_all_cores(small_sweep, range(SWEEPS))
    total = {
        one.name: sum(getattr(sweep, one.name) for sweep in done) for one in fields(SmallSweep)
    }
    print(f"\n{SWEEPS} sweeps: {total}")
    assert total["pruned"] > SWEEPS and total["diverged"] > SWEEPS
    assert total["on_front"] > SWEEPS
    for name in ("pruned_on_front", "bad_in_top", "still_running", "stopped_late"):
        assert total[name] == 0, name


@pytest.mark.slow
@pytest.mark.parametrize("searched", SEARCHED)
def test_a_killed_sweep_goes_on_as_if_it_had_not_been(searched: str) -> None:
    states, running, promoted = _killed(searched, KILLS, TRAININGS)
    print(
        f"\n{searched}, {len(running)} kills: {dict(states)}, running {running}, "
        f"{promoted} promoted"
    )
    assert promoted > 1 if searched == "promotion" else promoted == 0
    assert len(running) == KILLS
    assert running.count(WORKERS) > KILLS * 0.8
    assert {"completed", "pruned", "diverged", "failed"} <= set(states)


@pytest.mark.parametrize("searched", ["front", "promotion", "under a bound"])
def test_a_few_kills(searched: str) -> None:
    """The same, small enough for every day."""
    states, running, promoted = _killed(searched, kills=4, trainings=5)
    assert len(running) == 4 and states["completed"]
    assert promoted if searched == "promotion" else not promoted


def _killed(searched: str, kills: int, trainings: int) -> tuple[Counter[str], list[int], int]:
    """Kill a sweep at moments of equal distance, and compare what is taken up with what lived.

    Args:
        searched: a key of SEARCHED.

    Returns:
        the number of trials by state at its end, how many ran at each kill, and how many had been
        promoted.
    """
    study = study_of(
        7,
        **SEARCHED[searched],
        budget={"trials": 1000, "images": trainings * IMAGES},
    )

    def new_simulation(folder: Path) -> Simulation:
        recorder = new_recorder(folder, study)
        return Simulation(recorder, surface_of(0.2), ending=some_fail, checkpoints=True)

    with fast_folder() as folder:
        events = sum(1 for _ in new_simulation(folder / "counted").events())
        moments = set(np.linspace(0, events - 1, kills).astype(int).tolist())
        simulation = new_simulation(folder / "sweep")
        running = []
        for event, _ in enumerate(simulation.events()):
            if event in moments:
                running.append(len(simulation.running))
                _compare_after_kill(folder, simulation)
        sweep = read_sweep(folder / "sweep")
        return Counter(sweep.trials["state"]), running, promotions(sweep)


def _compare_after_kill(folder: Path, simulation: Simulation) -> None:
    """The sweep as it lies on the disk is taken up, and knows and proposes the same."""
    killed = folder / "killed"
    shutil.rmtree(killed, ignore_errors=True)
    shutil.copytree(folder / "sweep", killed)
    lived = simulation.recorder
    resumed = Recorder(killed, lived.study)
    assert resumed.early_stopping.reached == lived.early_stopping.reached
    assert resumed.budget.spent()["images"] == lived.budget.spent()["images"]
    uninterrupted = copy.deepcopy(lived.ask_tell)
    waiting = {one.trial_id for one in uninterrupted.waiting}
    assert {one.trial_id for one in resumed.ask_tell.waiting} == waiting | set(simulation.running)
    states = [
        {trial_id: row["state"] for trial_id, row in recorder.table.rows.items()}
        for recorder in (resumed, lived)
    ]
    assert states[0] == states[1]
    assert resumed.paused.trials == lived.paused.trials
    for only_due in (True, False):
        assert resumed.paused.best(only_due=only_due) == lived.paused.best(only_due=only_due)
    assert _proposals(resumed.ask_tell) == _proposals(uninterrupted)


def promotions(sweep: SweepRecords) -> int:
    """How often a stopped trial went on."""
    states = sweep.states.sort_values("trial_id", kind="stable")
    before = states.groupby("trial_id")["state"].shift()
    return int(((states["state"] == "running") & (before == "pruned")).sum())


def _proposals(ask_tell: AskTell) -> list[Assignment | None]:
    """What a ask_tell would hand out, beside the trials that wait to be taken up."""
    ask_tell.waiting.clear()
    proposals = [ask_tell.ask() for _ in range(PROPOSALS)]
    assert None not in proposals
    return proposals
