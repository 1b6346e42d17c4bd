"""Which trials of a sweep answers count, and what stopped ones count for."""

import math

import numpy as np
import pytest

from reports.analysis.stopped_trials import MOST_TRIALS, CountedTrials, evidence
from reports.tables import SweepTables

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"
SPACE = {LR: {"type": "loguniform", "low": 1e-4, "high": 1e-1}}


def _counted(tables: SweepTables) -> CountedTrials:
    return evidence(tables, tables.outcomes("val_ab_mae"), "val_ab_mae").claims


def _sweep(build, stopped: int, finished: int = 12, noise: float = 0.1, state: str = "pruned"):
    """Half as bad as the end is bad early; ends are the rate's logarithm, and some noise."""
    sweep, rng = build(SPACE), np.random.default_rng(0)
    for number in range(finished + stopped):
        # The first two finish at the ends of the range, so that all others lie among them.
        rate = (1e-4, 1e-1)[number] if number < 2 else float(10 ** rng.uniform(-4, -1))
        level = 8 - math.log10(rate) + noise * rng.standard_normal()
        done = number < finished
        sweep.trial({LR: rate}, level, "completed" if done else state, ticks=4 if done else 2)
    return sweep.tables()


def test_stopped_trials_count_by_what_they_had_reached(build) -> None:
    tables = _sweep(build, 10)
    counted = _counted(tables)
    assert counted.stopped == 10 and counted.left_out == 0
    assert counted.values.shape == (20, 22) and len(counted.points) == 22
    assert counted.agreement is not None and counted.agreement > 0.8
    finished = counted.values[:, :12]
    assert (finished == finished[0]).all()
    assert (counted.values[:, 12:].std(0) > 0).all()


def test_only_those_that_were_stopped_for_their_value(build) -> None:
    for state in ("cancelled", "stalled", "preempted", "running"):
        counted = _counted(_sweep(build, 10, state=state))
        assert counted.stopped == 0 and counted.values.shape == (1, 12)
        assert counted.agreement is None


def test_without_any_stopped_all_are_as_they_are(build) -> None:
    counted = _counted(_sweep(build, 0))
    assert counted.values.shape == (1, 12)
    assert counted[2:] == (0, None, 0, 0)


@pytest.mark.parametrize("finished", [0, 1, 7])
def test_too_few_finished_to_learn_from(build, finished: int) -> None:
    counted = _counted(_sweep(build, 10, finished))
    assert counted.stopped == 0 and counted.values.shape == (1, finished)


def test_no_trial(build) -> None:
    counted = _counted(build(SPACE).tables())
    assert counted.points == [] and counted.values.shape == (1, 0)


def test_early_values_that_foretell_nothing(build) -> None:
    sweep, rng = build(SPACE), np.random.default_rng(2)
    for number in range(24):
        done = number < 12
        sweep.trial(
            {LR: float(10 ** rng.uniform(-4, -1))},
            10 + rng.standard_normal(),
            "completed" if done else "pruned",
            ticks=4 if done else 2,
        )
    tables = sweep.tables()
    early = tables.ticks["tick"] < 4
    tables.ticks.loc[early, "val_ab_mae"] = rng.normal(12, 1, int(early.sum()))
    counted = _counted(tables)
    assert counted.stopped == 0 and counted.values.shape == (1, 12)
    assert counted.uncounted == 12
    assert counted.agreement is not None and counted.agreement < 0.5


def test_of_many_a_part_is_drawn(build) -> None:
    counted = _counted(_sweep(build, 200, finished=200))
    assert len(counted.points) == MOST_TRIALS and counted.left_out == 100
    assert 100 < counted.stopped < 200
