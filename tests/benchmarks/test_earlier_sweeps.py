"""What a search gains of an earlier sweep, and what it loses where that one misleads."""

from typing import Any

import numpy as np
import pytest
from earlier_sweeps import FIRST, SEEDS, markdown, regrets

pytestmark = pytest.mark.slow

SAME = ("valley", "mixed")


@pytest.fixture(scope="module")
def found() -> Any:
    """Regrets by surface, earlier surface and sampler."""
    cases = [
        (surface, earlier, sampler)
        for sampler in ("tpe", "gp")
        for surface in SAME
        for earlier in (None, surface)
    ]
    done = regrets(cases, range(FIRST, FIRST + SEEDS))
    print(f"\n{markdown(done)}")
    return done


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
@pytest.mark.parametrize("surface", SAME)
def test_an_earlier_sweep_of_the_same_surface_helps(found: Any, surface: str, sampler: str) -> None:
    alone, after = (found[surface, earlier, sampler] for earlier in (None, surface))
    assert np.median(after) < 0.7 * np.median(alone)
