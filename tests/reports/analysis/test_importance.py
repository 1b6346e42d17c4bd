"""Importance with its intervals, and what chance gives."""

from typing import Any

import numpy as np
import optuna
import pytest

from reports.analysis import importance
from reports.analysis.importance import order, shares
from spaces.dimensions import Dimension

DIMENSIONS = [
    Dimension("strong", "uniform", 0, 1),
    Dimension("nothing", "loguniform", 1e-5, 1e-2),
    Dimension("kind", "choice", choices=("a", "b", "c")),
    Dimension("weight", "loguniform", 1, 100, special=(0,), when={"kind": ("a", "b")}),
]


def trials(count: int, seed: int = 0) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Points and losses; only `strong` has an effect."""
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        point: dict[str, Any] = {
            "strong": float(rng.uniform()),
            "nothing": float(10 ** rng.uniform(-5, -2)),
            "kind": str(rng.choice(["a", "b", "c"])),
        }
        if point["kind"] != "c":
            point["weight"] = 0 if rng.random() < 0.3 else float(10 ** rng.uniform(0, 2))
        points.append(point)
    losses = np.array([point["strong"] for point in points]) + rng.normal(0, 0.1, count)
    return points, losses


def test_shares_are_those_of_optuna() -> None:
    points, losses = trials(60)
    plain = [{k: v for k, v in point.items() if k in ("strong", "nothing")} for point in points]
    study = optuna.create_study()
    floats = {
        "strong": optuna.distributions.FloatDistribution(0, 1),
        "nothing": optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True),
    }
    for point, loss in zip(plain, losses, strict=True):
        trial = optuna.create_trial(params=point, distributions=floats, value=float(loss))
        study.add_trial(trial)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=importance.TOP_SHARE)
    expected = optuna.importance.get_param_importances(study, evaluator=evaluator)
    found = {one.dimension: one.share for one in shares(DIMENSIONS[:2], plain, losses)}
    assert found == pytest.approx(expected)


def test_what_matters_is_above_chance_and_the_rest_rarely_is() -> None:
    above = 0
    for seed in range(6):
        first, *others = shares(DIMENSIONS, *trials(60, seed))
        assert first.dimension == "strong"
        assert first.low > first.chance
        above += sum(one.share > one.chance for one in others)
        for one in (first, *others):
            assert 0 <= one.low <= one.share <= one.high <= 1
        assert sum(one.share for one in (first, *others)) == pytest.approx(1)
    assert above <= 3  # 0.9 of 18 are expected


def test_a_special_value_counts_for_its_dimension() -> None:
    points, _ = trials(150)
    points = [point for point in points if "weight" in point]
    losses = np.array([float(point["weight"] != 0) for point in points])
    losses += np.random.default_rng(0).normal(0, 0.1, len(points))
    assert order(DIMENSIONS, points, losses)[0] == "weight"
    assert shares(DIMENSIONS, points, losses)[0].low > 0.5


def test_intervals_are_narrower_with_more_trials() -> None:
    few, many = (shares(DIMENSIONS, *trials(count))[0] for count in (30, 300))
    assert many.high - many.low < few.high - few.low


def test_twice_the_same() -> None:
    assert shares(DIMENSIONS, *trials(20)) == shares(DIMENSIONS, *trials(20))
    assert order(DIMENSIONS, *trials(60))[0] == "strong"


def test_no_more_trials_than_that_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "MAX_TRIALS", 40)
    points, losses = trials(100)
    kept = importance._sample(100)
    assert len(kept) == 40
    expected = shares(DIMENSIONS, [points[place] for place in kept], losses[kept])
    assert shares(DIMENSIONS, points, losses) == expected


def test_optuna_speaks_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    level = optuna.logging.get_verbosity()
    order(DIMENSIONS, *trials(10))
    assert optuna.logging.get_verbosity() == level
    assert "study" not in capsys.readouterr().err
