"""What a search gains of an earlier sweep, and what it loses where that one misleads.

```
python tests/benchmarks/earlier_sweeps.py --samplers gp tpe --seeds 12
```

prints a Markdown table: median regret of a search alone and of one that learns from an earlier
sweep, on surfaces whose random points spread by one standard deviation.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from experiments import NO_STOPPING, blind_regret, on_all_cores, study_of
from landscape import Landscape
from landscapes import SURFACES, surface_named
from simulation import Simulation, fast_folder, new_recorder
from surface import Surface

from search.core.learn_from import earlier_sweep
from search.core.ranking import best_trials
from search.records.reader import read_sweep

FIRST, SEEDS = 7000, 12
"""Seeds from here on had no part in choosing anything."""
EARLIER, TRIALS = 24, 12
SHIFT = 1.0
"""By how much all values of the earlier sweep are higher."""
OTHER_SEED = 500_000
PICTURES = {"data": [{"content_hash": "pictures", "pictures": 1, "splits": {}}]}
MISLEADING = (("additive", "valley"), ("curves", "valley"), ("additive", "branin-edge"))
"""Other surfaces over all settings of the second one, whose best points lie elsewhere."""


class Shifted:
    """A surface on another level."""

    def __init__(self, surface: Surface | Landscape, shift: float) -> None:
        self._surface, self._shift = surface, shift

    def __getattr__(self, name: str) -> Any:
        return getattr(self._surface, name)

    def curve(self, *args: Any) -> np.ndarray:
        """As of the surface, with higher errors."""
        return self._surface.curve(*args) + self._shift


@dataclass(frozen=True)
class Case:
    """A search of TRIALS, after an earlier sweep of EARLIER on a surface, or after none."""

    surface: str
    earlier: str | None
    sampler: str
    seed: int


@cache
def _space_of(name: str) -> str:
    return json.dumps(dict(surface_named(name).space))


def _study(name: str, sampler: str, trials: int, seed: int) -> Any:
    return study_of(
        seed,
        space=json.loads(_space_of(name)),
        sampler=sampler,
        budget={"trials": trials},
        **NO_STOPPING,
    )


def regret_of(case: Case) -> float:
    """Regret of the point that the search names; that of random points if it names none."""
    surface = surface_named(case.surface)
    study = _study(case.surface, case.sampler, TRIALS, case.seed)
    with fast_folder() as folder:
        if case.earlier is not None:
            before = _study(case.earlier, case.sampler, EARLIER, case.seed + OTHER_SEED)
            other = Shifted(surface_named(case.earlier), SHIFT)
            Simulation(new_recorder(folder / "earlier", before), other).run()
            sweep = replace(read_sweep(folder / "earlier"), provenance=PICTURES)
            study = replace(study, learned_from=(earlier_sweep(study, sweep)[0],))
        Simulation(new_recorder(folder / "sweep", study), surface).run()
        sweep = read_sweep(folder / "sweep")
    points = dict(zip(sweep.trials["trial_id"], sweep.trials["point"], strict=True))
    best = best_trials(sweep)["trial_id"].tolist()
    return surface.regret(json.loads(points[best[0]])) if best else blind_regret(case.surface)


def regrets(cases: Sequence[tuple[str, str | None, str]], seeds: range) -> Mapping[Any, np.ndarray]:
    """By surface, earlier surface and sampler; one a seed."""
    tasks = [Case(*case, seed) for case in cases for seed in seeds]
    done = on_all_cores(regret_of, tasks, 1)
    return {case: np.array(done[at * len(seeds) :][: len(seeds)]) for at, case in enumerate(cases)}


def markdown(found: Mapping[Any, np.ndarray]) -> str:
    """A row for each sampler and surface that was searched after an earlier sweep."""
    rows = ["| surface | earlier sweep | sampler | alone | after it | better |", "|---" * 6 + "|"]
    for (surface, earlier, sampler), after in found.items():
        if earlier is None:
            continue
        alone = found[surface, None, sampler]
        better = f"{int((after < alone).sum())}/{len(after)}"
        cells = [
            surface,
            earlier,
            sampler,
            *(f"{np.median(x):.3f}" for x in (alone, after)),
            better,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surfaces", nargs="*", choices=list(SURFACES), default=list(SURFACES))
    parser.add_argument("--samplers", nargs="+", default=["tpe", "gp"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=FIRST)
    args = parser.parse_args()
    pairs = [(surface, surface) for surface in args.surfaces] + [
        (surface, earlier) for earlier, surface in MISLEADING
    ]
    cases = [
        (surface, earlier, sampler)
        for sampler in args.samplers
        for surface in dict.fromkeys(surface for surface, _ in pairs)
        for earlier in [None, *(e for s, e in pairs if s == surface)]
    ]
    started = time.monotonic()
    print(markdown(regrets(cases, range(args.first, args.first + args.seeds))))
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
