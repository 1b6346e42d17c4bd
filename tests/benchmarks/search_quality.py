"""How good the point is that a search names, beside what others find with the same pictures.

```
python tests/benchmarks/search_quality.py --surfaces valley curves --seeds 8
```

prints a Markdown table: median regret and quartiles, where random points have a
standard deviation of about 1. All methods search with the same seeds.
"""

import argparse
import time
from collections.abc import Mapping, Sequence

import numpy as np
from experiments import Search, on_all_cores, search
from landscapes import SURFACES
from scipy import stats

FIRST = 1000
"""Seeds from here on had no part in choosing anything."""
SEEDS, TRAININGS = 30, 24
OURS = ("ours auto asha", "ours tpe asha", "ours tpe none", "ours random none")
OPTUNA = ("optuna tpe", "optuna hyperband", "optuna gp", "optuna cmaes")
METHODS = (*OURS, *OPTUNA, "ray")
LEAST = 0.01
"""Regrets below this are as good as none: ratios of them say nothing."""
Found = Mapping[tuple[str, str], Sequence[Search]]
"""Searches by surface and method, in the order of their seeds."""


def search_all(
    surfaces: Sequence[str],
    methods: Sequence[str],
    seeds: range,
    trainings: int,
    processes: int | None = None,
) -> Found:
    """Every method on every surface with every seed."""
    kinds = [(surface, method) for surface in surfaces for method in methods]
    tasks = [(method, surface, trainings, seed) for surface, method in kinds for seed in seeds]
    done = on_all_cores(search, tasks, processes)
    return {kind: done[at * len(seeds) :][: len(seeds)] for at, kind in enumerate(kinds)}


def regrets(searches: Sequence[Search]) -> np.ndarray:
    """One a search."""
    return np.array([one.regret for one in searches])


def median(searches: Sequence[Search]) -> float:
    """Of the regret."""
    return float(np.median(regrets(searches)))


def ratios(found: Found, method: str, others: Sequence[str]) -> dict[str, float]:
    """Median regret of a method by surface, as a share of the least of others'."""
    return {
        surface: max(median(searches), LEAST)
        / max(min(median(found[surface, other]) for other in others), LEAST)
        for (surface, name), searches in found.items()
        if name == method
    }


def geometric_mean(shares: Mapping[str, float]) -> float:
    """Over surfaces."""
    return float(stats.gmean(list(shares.values())))


def markdown(found: Found) -> str:
    """A row a surface, a column a method; ours beside the best of Optuna's."""
    surfaces = list(dict.fromkeys(surface for surface, _ in found))
    methods = list(dict.fromkeys(method for _, method in found))
    others = [method for method in methods if method in OPTUNA]
    rows = [["surface", *methods], ["---"] * (1 + len(methods))]
    for surface in surfaces:
        cells = [_cell(found[surface, method]) for method in methods]
        if others:
            best = min(others, key=lambda other: median(found[surface, other]))
            for at, method in enumerate(methods):
                if method.startswith("ours"):
                    cells[at] += f", {_won(found[surface, method], found[surface, best])}"
        rows.append([surface, *cells])
    spent = [np.mean([one.trainings for s in surfaces for one in found[s, m]]) for m in methods]
    rows.append(["pictures, in trainings", *(f"{mean:.1f}" for mean in spent)])
    if others:
        means = [geometric_mean(ratios(found, method, others)) for method in methods]
        rows.append(["÷ best of Optuna's, geometric mean", *(f"{mean:.2f}" for mean in means)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(searches: Sequence[Search]) -> str:
    low, middle, high = np.percentile(regrets(searches), [25, 50, 75])
    return f"{middle:.3f} ({low:.2f}–{high:.2f})"


def _won(searches: Sequence[Search], others: Sequence[Search]) -> str:
    """How often a search is better than another one with its seed."""
    return f"{int((regrets(searches) < regrets(others)).sum())}/{len(searches)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surfaces", nargs="+", choices=list(SURFACES), default=list(SURFACES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help='e.g. "ours gp none"')
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--trainings", type=int, default=TRAININGS)
    parser.add_argument("--processes", type=int, help="default: one a core")
    args = parser.parse_args()
    started = time.monotonic()
    seeds = range(FIRST, FIRST + args.seeds)
    found = search_all(args.surfaces, args.methods, seeds, args.trainings, args.processes)
    print(
        f"Regret of the point named, after the pictures of {args.trainings} trainings: median and "
        f"quartiles of {args.seeds} searches; k/n: how many of ours are better than the search "
        f"with the same seed by the best of Optuna's.\n\n{markdown(found)}\n\n"
        f"{time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
