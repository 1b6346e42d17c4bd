"""What is said of earlier sweeps that a sampler was told of."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from colornet.errors import InputError
from reports.answers.answers import report_data
from reports.answers.earlier import Learned, learned, learned_data, learned_texts
from reports.answers.health import notes
from reports.page.page import render
from reports.tables import Column, SweepTables
from search.core.offset import Offset

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"
RATES = [1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3, 1.28e-2]
MAE = Column("val_ab_mae", "ab MAE", "Lab units", "minimize")


def of_earlier(values: list[float | None]) -> list[dict[str, Any]]:
    trials = [
        {"point": {LR: rate, LOSS: "bce"}, "values": None if value is None else [value]}
        for rate, value in zip(RATES, values, strict=False)
    ]
    return [{"sweep": "before", "pictures": ["a"], "trials": trials}]


@pytest.fixture
def taught(build: Callable[..., Any]) -> Callable[..., SweepTables]:
    """A function of values there and here, by rising rates, that gives a sweep that was told."""

    def make(there: list[float | None], here: list[float]) -> SweepTables:
        sweep = build(sampler="tpe", learned_from=of_earlier(there))
        for rate, value in zip(RATES, here, strict=False):
            sweep.trial({LR: rate, LOSS: "bce"}, value)
        return sweep.tables()

    return make


def test_a_sweep_that_was_told_of_nothing(build: Callable[..., Any]) -> None:
    sweep = build()
    sweep.trial({LR: 1e-3, LOSS: "bce"}, 9.0)
    assert report_data(sweep.tables())["learned_from"] == []


@pytest.mark.parametrize(("there", "here"), [([9.0, 8.0], []), ([None, None], [9.0]), ([None], [])])
def test_before_there_is_anything_to_compare(
    taught: Callable[..., SweepTables], there: list[float | None], here: list[float]
) -> None:
    sweep = taught(there, here)
    (data,) = learned_data(sweep)
    count = f"{len(there)} trial" + "s" * (len(there) > 1)
    assert (data["trials"], data["offset"], data["begun"]) == (len(there), None, None)
    assert learned_texts(sweep) == [f"The sampler was told of {count} of before."]


def test_the_offset_and_where_the_sweep_began(taught: Callable[..., SweepTables]) -> None:
    there = [14.0, 13.0, 12.0, 11.0, 10.0, 11.0, 12.0, 13.0]
    sweep = taught(there, [value - 3 for value in there])
    (data,) = json.loads(json.dumps(report_data(sweep)))["learned_from"]
    assert data["offset"] == pytest.approx(-3, abs=0.3)
    assert 0 < data["standard_error"] < 1
    assert data["best_there"] == pytest.approx(7, abs=0.3)
    assert (data["first_trials"], data["best_of_first"], data["begun"]) == (8, 7.0, "level")
    assert data["counts"] is True
    (text,) = learned_texts(sweep)
    assert "Lab units lower here than there" in text and "The best of the first 8" in text
    assert text in render(sweep, 0)


def test_a_sweep_that_misled_is_said_to_be_left_out(taught: Callable[..., SweepTables]) -> None:
    there = [20.0, 18.0, 16.0, 14.0, 12.0, 10.0, 8.0, 6.0]
    sweep = taught(there, list(reversed(there)))
    assert not learned(sweep)[0].counts
    assert learned_texts(sweep)[0].endswith("speaks against the earlier ones.")


@pytest.mark.parametrize(
    ("goal", "reached", "verdict"),
    [
        ("minimize", 4.0, "better"),
        ("minimize", 6.0, "worse"),
        ("maximize", 6.0, "better"),
        ("maximize", 5.1, "level"),
    ],
)
def test_verdicts(goal: str, reached: float, verdict: str) -> None:
    column = MAE if goal == "minimize" else Column("val_psnr", "PSNR", "dB", goal)
    told = Learned("before", 4, column, Offset(0.0, 0.1), best=5.0, first=4, reached=reached)
    assert told.verdict == verdict


def test_nothing_is_said_of_its_random_trials(taught: Callable[..., SweepTables]) -> None:
    assert not any("are random" in note for note in notes(taught([9.0, 8.0], [7.0, 6.0]), None))


def test_a_damaged_part_is_refused(build: Callable[..., Any]) -> None:
    damaged = [{**of_earlier([9.0])[0], "trials": [{"point": 3}]}]
    with pytest.raises(InputError, match=r"learned_from.0.trials.0.point"):
        build(learned_from=damaged).tables()
