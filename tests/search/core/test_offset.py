"""By how much the values of one sweep lie above those of another one."""

import numpy as np
import pytest

from search.core.offset import LEAST_EVIDENCE, LEAST_TRIALS, PRIOR_SPREADS, LevelProcess
from spaces.dimensions import Dimension, Point

DROPOUT = "generator.dropout"
LINE = [Dimension(DROPOUT, "uniform", 0.0, 0.5)]


def bowl(dropout: float) -> float:
    return 40 * (dropout - 0.2) ** 2


def tried(count: int, seed: int = 0) -> tuple[list[Point], list[float]]:
    """Random points and their values, with noise of a standard deviation of 0.1."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 0.5, count).tolist()
    return [{DROPOUT: at} for at in places], [
        bowl(at) + 0.1 * rng.standard_normal() for at in places
    ]


def test_no_trial_leaves_it_open() -> None:
    process = LevelProcess(LINE, [{DROPOUT: 0.1}] * 2, [1.0, 3.0], 0)
    assert process.offset([], []) == (0.0, PRIOR_SPREADS)


def test_of_a_single_earlier_trial() -> None:
    process = LevelProcess(LINE, [{DROPOUT: 0.1}], [5.0], 0)
    assert process.offset([{DROPOUT: 0.1}], [7.0]).amount == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("level", [-30.0, 0.0, 1.0])
def test_it_is_found_whatever_settings_were_tried(level: float) -> None:
    """The few later trials are good ones: their mean lies below that of the earlier ones."""
    points, values = tried(24)
    places = [0.18, 0.2, 0.23]
    later = [{DROPOUT: at} for at in places], [bowl(at) + level for at in places]
    offset = LevelProcess(LINE, points, values, 0).offset(*later)
    assert offset.amount == pytest.approx(level, abs=3 * offset.error)
    assert offset.error < 0.3 < np.mean(values)


@pytest.mark.slow
def test_its_intervals_cover() -> None:
    covered = 0
    for seed in range(40):
        points, values = tried(4, seed=2 * seed + 1)
        process = LevelProcess(LINE, *tried(16, seed=2 * seed), seed)
        offset = process.offset(points, [value + 1.0 for value in values])
        covered += abs(offset.amount - 1.0) < 1.96 * offset.error
    assert covered >= 34  # of 38 on average; fewer have a probability of 1%


def test_more_trials_make_it_surer() -> None:
    process = LevelProcess(LINE, *tried(24), 0)
    errors = [process.offset([{DROPOUT: 0.3}] * n, [bowl(0.3)] * n).error for n in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2]


class TestEvidence:
    def test_without_trials_there_is_none(self) -> None:
        assert LevelProcess(LINE, *tried(8), 0).evidence([], []) == 0.0

    def test_a_single_trial_tells_the_level_alone(self) -> None:
        process = LevelProcess(LINE, *tried(24), 0)
        assert process.evidence([{DROPOUT: 0.2}], [50.0]) == pytest.approx(0, abs=0.1)

    @pytest.mark.parametrize("level", [0.0, 20.0])
    def test_the_same_bowl_speaks_for_it(self, level: float) -> None:
        points, values = tried(6, seed=1)
        process = LevelProcess(LINE, *tried(24), 0)
        assert process.evidence(points, [value + level for value in values]) > 2

    def test_another_one_speaks_against_it(self) -> None:
        points, values = tried(6, seed=1)
        process = LevelProcess(LINE, *tried(24), 0)
        assert process.evidence(points, [-value for value in values]) < LEAST_EVIDENCE

    def test_few_earlier_trials_are_not_spoken_against(self) -> None:
        """Two that are alike by chance would make all that differs look impossible."""
        points = [{DROPOUT: at} for at in (0.1, 0.2, 0.4)]
        for count in (2, LEAST_TRIALS):
            process = LevelProcess(LINE, points[:2] * (count // 2), [5.0, 5.01] * (count // 2), 0)
            evidence = process.evidence(points, [9.0, 5.0, 1.0])
            assert (evidence < LEAST_EVIDENCE) == (count == LEAST_TRIALS)
