"""Draws of hyperparameters beside a posterior that is known."""

import numpy as np

from search.core.slice_sampling import SliceSampler

PRIORS = [(1.0, 2.0)] * 20
ERRORS = np.where(np.arange(20) < 4, 0.05, 4.0)
"""A few are known well, most hardly at all, as the noise and the lengths of a process are."""
SEEN = 0.5


def _log_likelihood(log: np.ndarray) -> float:
    return float(-0.5 * (((log - SEEN) / ERRORS) ** 2).sum())


def _draws(seed: int, count: int) -> np.ndarray:
    sampler = SliceSampler(PRIORS, np.random.default_rng(seed))
    return np.array([sampler.draw(_log_likelihood) for _ in range(count)])


def test_draws_are_of_the_posterior() -> None:
    precision = 2.0**-2 + ERRORS**-2
    mean, sd = (1.0 * 2.0**-2 + SEEN * ERRORS**-2) / precision, precision**-0.5
    drawn = _draws(0, 1500)
    assert np.abs((drawn.mean(0) - mean) / sd).max() < 0.35
    assert np.abs(drawn.std(0) / sd - 1).max() < 0.25


def test_few_draws_already_differ() -> None:
    """What twenty of them say is not where their chain happened to begin."""
    means = np.array([_draws(seed, 20).mean(0) for seed in range(30)])
    alone = np.sqrt((2.0**-2 + ERRORS**-2) ** -1.0 / 20)
    assert np.median(means.std(0) / alone) < 1.9


def test_the_same_each_time() -> None:
    assert np.array_equal(_draws(3, 4), _draws(3, 4))
    assert not np.array_equal(_draws(3, 4), _draws(4, 4))


def test_a_density_that_is_no_number_ends() -> None:
    for value in (float("nan"), -np.inf):
        sampler = SliceSampler(PRIORS, np.random.default_rng(0))
        assert np.isfinite(sampler.draw(lambda log, value=value: value)).all()
