"""Early and final values together: what is foretold is what the normal distribution says."""

import numpy as np
import pytest

from search.core.early_and_final import EarlyAndFinal, Foretold
from search.core.slice_sampling import SliceSampler


def _both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    final = 3 * (x[:, 0] - 0.3) ** 2 + 0.5 * x[:, 1]
    return final - 0.4, final


def _foretold(x: np.ndarray, known: int, early: np.ndarray, final: np.ndarray) -> Foretold:
    process = EarlyAndFinal(x, np.array([False, False]), known)
    sampler = SliceSampler(process.priors, np.random.default_rng(1))
    log = sampler.draw(lambda log: process.log_likelihood(log, early, final))
    return process.foretell(log, early, final)


def test_what_is_foretold_far_away_goes_by_the_early_value() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([0.4 * rng.random((20, 2)), 0.6 + 0.4 * rng.random((10, 2))])
    early, final = _both(x)
    early += 0.1 * rng.standard_normal(30)
    foretold = _foretold(x, 20, early, final[:20])
    assert np.sqrt(np.mean((final[20:] - final[:20].mean()) ** 2)) > 0.8
    assert np.sqrt(np.mean((foretold.mean - final[20:]) ** 2)) < 0.3
    deviations = np.sqrt(np.diag(foretold.covariance))
    assert (abs(foretold.mean - final[20:]) < 3 * deviations).all()
    assert deviations.max() < 0.5


def test_each_known_final_is_left_out_in_turn() -> None:
    rng = np.random.default_rng(3)
    x = rng.random((12, 2))
    early, final = _both(x)
    process = EarlyAndFinal(x, np.array([False, False]), 9)
    sampler = SliceSampler(process.priors, rng)
    log = sampler.draw(lambda log: process.log_likelihood(log, early, final[:9]))
    whole = process.foretell(log, early, final[:9])
    # without the first one's final, which is then the last of those that are not known
    order = [*range(1, 9), *range(9, 12), 0]
    rest = EarlyAndFinal(x[order], np.array([False, False]), 8)
    assert whole.left_out[0] == pytest.approx(rest.foretell(log, early[order], final[1:9]).mean[-1])


def test_covariances_are_those_of_draws() -> None:
    rng = np.random.default_rng(5)
    x = rng.random((6, 2))
    process = EarlyAndFinal(x, np.array([False, True]), 4)
    log = np.array([mean for mean, _ in process.priors])
    seen, cross, inner = process._covariance(log)
    assert seen == pytest.approx(seen.T)
    whole = np.block([[seen, cross], [cross.T, inner]])
    assert (np.linalg.eigvalsh(whole) > 0).all()
    early, final = rng.standard_normal(6), rng.standard_normal(4)
    foretold = process.foretell(log, early, final)
    solved = np.linalg.solve(seen, cross)
    assert foretold.mean == pytest.approx(solved.T @ np.concatenate([final, early]))
    assert foretold.covariance == pytest.approx(inner - cross.T @ solved)


def test_no_dimensions() -> None:
    process = EarlyAndFinal(np.empty((3, 0)), np.empty(0, dtype=bool), 2)
    log = np.array([mean for mean, _ in process.priors])
    foretold = process.foretell(log, np.zeros(3), np.zeros(2))
    assert foretold.mean == pytest.approx([0.0])
