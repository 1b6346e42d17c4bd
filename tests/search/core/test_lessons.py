"""What samplers are told of earlier sweeps, and that they go by it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import TrialState

from search.core.ask_tell import AskTell
from search.core.gp_sampler import Observation
from search.core.lessons import Lessons
from search.core.target import LastReport
from spaces.earlier import EarlierSweep, EarlierTrial
from spaces.study import Study

MakeStudy = Callable[..., Study]
DROPOUT, LOSS, SMOOTH = "generator.dropout", "loss.adversarial", "loss.label_smoothing"
LINE: dict[str, Any] = {DROPOUT: {"uniform": [0.0, 0.5]}}
CONDITIONAL: dict[str, Any] = {
    LOSS: {"choice": ["bce", "hinge"]},
    SMOOTH: {"uniform": [0.0, 0.3], "when": {LOSS: ["bce"]}},
}
NOTHING = pd.DataFrame()
SAMPLERS = ["tpe", pytest.param("gp", marks=pytest.mark.slow)]
"""A Gaussian process takes a tenth of a second for each point."""


def bowl(dropout: float) -> float:
    return 40 * (dropout - 0.2) ** 2


def earlier(points: list[dict[str, Any]], values: list[float | None]) -> EarlierSweep:
    trials = [
        EarlierTrial(point=point, values=None if value is None else [value])
        for point, value in zip(points, values, strict=True)
    ]
    return EarlierSweep(sweep="before", pictures=["a"], trials=trials)


def of_bowl(count: int, level: float = 0.0, seed: int = 0) -> EarlierSweep:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 0.5, count).tolist()
    values = [bowl(at) + level + 0.1 * rng.standard_normal() for at in places]
    return earlier([{DROPOUT: at} for at in places], values)


@pytest.fixture
def taught(make_study: MakeStudy) -> Callable[..., Study]:
    """A function of earlier sweeps that gives a study of one dimension that learns from them."""

    def make(*sweeps: EarlierSweep, **changes: Any) -> Study:
        study = make_study(**{"space": LINE, "sampler": "gp", **changes})
        return replace(study, learned_from=sweeps)

    return make


class TestLessons:
    def test_orders_stay_and_the_level_becomes_that_of_the_search(
        self, taught: Callable[..., Study]
    ) -> None:
        lessons = Lessons(taught(of_bowl(20, level=5.0)))
        told = [Observation({DROPOUT: at}, (bowl(at),)) for at in (0.05, 0.2, 0.4)]
        before = [trial.values[0] for trial in lessons.sweeps[0] if trial.values]
        after = [trial.values[0] for trial in lessons.observations(told) if trial.values]
        assert np.argsort(before).tolist() == np.argsort(after).tolist()
        assert np.mean(before) - np.mean(after) == pytest.approx(5.0, abs=0.5)

    def test_without_trials_of_its_own_two_sweeps_come_to_one_level(
        self, taught: Callable[..., Study]
    ) -> None:
        lessons = Lessons(taught(of_bowl(20), of_bowl(20, level=5.0, seed=1)))
        running = Observation({DROPOUT: 0.1})
        told = [trial.values[0] for trial in lessons.observations([running]) if trial.values]
        assert told[:20] == [trial.values[0] for trial in lessons.sweeps[0] if trial.values]
        assert np.mean(told[:20]) == pytest.approx(np.mean(told[20:]), abs=0.7)

    def test_a_sweep_that_misleads_is_left_out(self, taught: Callable[..., Study]) -> None:
        lessons = Lessons(taught(of_bowl(20), of_bowl(20, seed=1)))
        places = (0.0, 0.1, 0.2, 0.3, 0.5)
        right = [Observation({DROPOUT: at}, (bowl(at),)) for at in places]
        wrong = [Observation({DROPOUT: at}, (-bowl(at),)) for at in places]
        assert len(lessons.observations(right)) == 40
        assert lessons.observations(wrong) == []

    def test_lost_trials_are_told_as_lost(self, taught: Callable[..., Study]) -> None:
        points = [{DROPOUT: 0.1}, {DROPOUT: 0.4}]
        lessons = Lessons(taught(earlier(points, [1.0, None])))
        assert [trial.is_lost for trial in lessons.observations([])] == [False, True]
        frozen = lessons.frozen([])
        assert [trial.state for trial in frozen] == [TrialState.COMPLETE, TrialState.PRUNED]
        assert frozen[1].values is None

    def test_costs_are_not_moved(self, taught: Callable[..., Study]) -> None:
        sweep = EarlierSweep(
            sweep="before",
            pictures=["a"],
            trials=[
                EarlierTrial(
                    point={DROPOUT: at},
                    values=[bowl(at)],
                    excess={"cost_gmac_per_picture": -0.01, "val_psnr": at, "val_ssim": None},
                )
                for at in (0.1, 0.2, 0.3)
            ],
        )
        lessons = Lessons(taught(sweep))
        told = Observation({DROPOUT: 0.2}, (0.0,), {"cost_gmac_per_picture": 0.5, "val_psnr": 3.0})
        moved = lessons.observations([told])
        assert {trial.excess["cost_gmac_per_picture"] for trial in moved} == {-0.01}
        assert {trial.excess["val_ssim"] for trial in moved} == {None}
        excess = [trial.excess["val_psnr"] for trial in moved]
        assert len(excess) == 3 and None not in excess
        assert min(over for over in excess if over is not None) > 1
        assert lessons.frozen([told])[0].constraints.keys() == {"cost_gmac_per_picture", "val_psnr"}

    def test_inactive_dimensions_have_no_parameter(self, taught: Callable[..., Study]) -> None:
        points = [{LOSS: "hinge"}, {LOSS: "bce", SMOOTH: 0.1}]
        lessons = Lessons(taught(earlier(points, [1.0, 2.0]), space=CONDITIONAL))
        assert [dict(trial.params) for trial in lessons.observations([])] == points
        assert [trial.distributions.keys() for trial in lessons.frozen([])] == [
            point.keys() for point in points
        ]


def asked(study: Study, until: int, rebuild: bool = False) -> list[dict[str, Any]]:
    """Points of a search whose trials all end at once; anew from its rows each time if asked to."""
    ask_tell, rows, reports, points = AskTell(study, NOTHING, {}), [], {}, []
    for _ in range(until):
        chosen = ask_tell.ask()
        assert chosen is not None
        points.append(chosen.point)
        report = LastReport((bowl(chosen.point[DROPOUT]) - 5.0,), tick=2)
        reports[chosen.trial_id] = report
        rows.append(
            {
                **{"trial_id": chosen.trial_id, "number": chosen.number, "attempt": 0},
                **{"seed": chosen.seed, "state": "completed", "origin": chosen.origin},
                **{
                    "point_id": chosen.point_id,
                    "point": f'{{"{DROPOUT}": {chosen.point[DROPOUT]}}}',
                },
                **{"distributions": chosen.distributions, "system_attrs": chosen.system_attrs},
            }
        )
        ask_tell.tell(chosen.number, "completed", report)
        if rebuild:
            ask_tell = AskTell(study, pd.DataFrame(rows), reports)
    return points


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_first_trials_lie_where_the_earlier_ones_were_good(
    taught: Callable[..., Study], sampler: str
) -> None:
    study = taught(of_bowl(24), sampler=sampler)
    places = [point[DROPOUT] for point in asked(study, 4)]
    alone = [point[DROPOUT] for point in asked(replace(study, learned_from=()), 4)]
    assert np.median(np.abs(np.array(places) - 0.2)) < 0.06
    assert np.median(np.abs(np.array(alone) - 0.2)) > 0.06


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_rebuilt_search_proposes_the_same(taught: Callable[..., Study], sampler: str) -> None:
    study = taught(of_bowl(12), sampler=sampler)
    again = Study.from_data(study.to_data(), "study.yaml")
    assert asked(study, 4) == asked(again, 4, rebuild=True)
