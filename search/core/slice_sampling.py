"""Draws of the hyperparameters of a Gaussian process from their posterior.

In a sweep of a few dozen trials their likeliest values are little more than a guess (MacKay 1992;
Snoek et al. 2012).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

BLOCK = 0.25
"""Share of the hyperparameters that a step moves. Some are known much better than others: a step of
all of them together would have to be as short as those allow. Of 18 simulated sweeps the means of
20 draws differed half again as much between chains."""
BURN_IN, THINNING = 100, 8
"""Steps of the chain before the first draw, and between two draws."""
MOST_PROPOSALS = 100
"""Places that a step looks at, of an arc that is halved about each time, before it stays."""
MOST_LEARNED = 80
"""Trials by which hyperparameters are learned, whatever number a process then sees; of more that
many are taken at random, as the time of a step grows with their number cubed."""


class SliceSampler:
    """A chain of logarithms of hyperparameters with normal priors.

    Elliptical slice sampling (Murray, Adams and MacKay 2010), which needs no step size, of some of
    them at a time given the others.

    Args:
        priors: (mean, standard deviation) of each logarithm.
        rng: makes the draws.
    """

    def __init__(self, priors: Sequence[tuple[float, float]], rng: np.random.Generator) -> None:
        self._mean, self._sd = np.array(priors).T
        self._state = np.zeros(len(self._mean))
        self._rng = rng
        self._warm = False

    def draw(self, log_likelihood: Callable[[np.ndarray], float]) -> np.ndarray:
        """The next draw, given the log likelihood of what was seen."""
        for _ in range(THINNING if self._warm else BURN_IN):
            self._step(log_likelihood)
        self._warm = True
        return self._mean + self._sd * self._state

    def _step(self, log_likelihood: Callable[[np.ndarray], float]) -> None:
        def height(state: np.ndarray) -> float:
            return log_likelihood(self._mean + self._sd * state)

        moved = self._rng.random(len(self._state)) < BLOCK
        moved[self._rng.integers(len(moved))] = True
        other = self._rng.standard_normal(len(self._state))
        level = height(self._state) + math.log(1 - self._rng.random())
        angle = self._rng.uniform(0, 2 * math.pi)
        low, high = angle - 2 * math.pi, angle
        # Where a density overflows no place is as high as the one to begin with.
        for _ in range(MOST_PROPOSALS):
            turned = self._state * math.cos(angle) + other * math.sin(angle)
            proposed = np.where(moved, turned, self._state)
            if height(proposed) > level:
                self._state = proposed
                return
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = self._rng.uniform(low, high)
