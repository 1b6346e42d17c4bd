"""What the answers of searches are worth where the truth is known, on any surface.

```
python tests/benchmarks/answers.py --surfaces additive curves --trials 24 --sweeps 10
```

prints a Markdown table: sweeps, those that say anything false, those with trials enough for a fit,
how often 95% intervals hold the truth, and how many dimensions are named.
"""

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from answering import Answered, Asked, Bet, searched_sweep
from experiments import on_all_cores
from landscapes import SURFACES

FIRST = 1000
"""Seeds from here on had no part in choosing the method."""
SWEEPS = 10
DIVERGING = 0.2
"""On the surface of colorization."""
NAMES = [name for name in SURFACES if name != "colorization-diverging"]
HEAD = (
    "search",
    "sweeps",
    "with a false claim",
    "with a fit",
    "trials that count",
    "claims",
    "shown intervals cover",
    "all cover",
    "those of real effects cover",
    "dimensions named, really",
    "said to be without effect",
    "called likely, really",
    "what is false",
)


def answer_all(
    kinds: Mapping[str, Asked], seeds: range, processes: int | None = None
) -> dict[str, list[Answered]]:
    """Sweeps of each kind, one a seed.

    Every kind goes on where the seeds of the one before end: random points of one seed are alike on
    every surface, and then so is their luck.
    """
    tasks = [
        replace(kind, seed=seed + at * len(seeds))
        for at, kind in enumerate(kinds.values())
        for seed in seeds
    ]
    done = on_all_cores(searched_sweep, tasks, processes)
    return {name: done[at * len(seeds) :][: len(seeds)] for at, name in enumerate(kinds)}


def share(done: Sequence[Answered], part: str, whole: str) -> float:
    """Of all sweeps together; NaN of nothing."""
    every = sum(getattr(one, whole) for one in done)
    return sum(getattr(one, part) for one in done) / every if every else float("nan")


def markdown(found: Mapping[str, Sequence[Answered]]) -> str:
    """A row a kind of sweeps."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, done in found.items():
        sweeps = len(done)
        wrong = Counter(claim for one in done for claim in one.false)
        rows.append(
            (
                name,
                f"{sweeps}",
                f"{sum(bool(one.false) for one in done)}",
                f"{sum(one.all_intervals > 0 for one in done)}",
                f"{sum(one.trials for one in done) / sweeps:.1f}",
                f"{sum(one.claims for one in done)}",
                f"{share(done, 'covered', 'intervals'):.3f}",
                f"{share(done, 'all_covered', 'all_intervals'):.3f}",
                f"{share(done, 'real_covered', 'real_intervals'):.3f}",
                f"{_per_sweep(done, 'named')}, {_per_sweep(done, 'known')}",
                f"{_per_sweep(done, 'absent')}",
                ", ".join(f"{sum(map(len, of)) / sweeps:.2f}" for of in _likely(done)),
                "; ".join(f"{claim} ({times})" for claim, times in wrong.items()),
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _per_sweep(done: Sequence[Answered], kind: str) -> str:
    return f"{sum(len(getattr(one, kind)) for one in done) / len(done):.2f}"


def _likely(done: Sequence[Answered]) -> tuple[list[list[Bet]], list[list[Bet]]]:
    """What each sweep called likely: all, and those of dimensions that have an effect."""
    named = [[bet for bet in one.bets if bet.named] for one in done]
    return named, [[bet for bet in of if bet.real] for of in named]


def reliability(done: Sequence[Answered]) -> str:
    """A row for each tenth of the chances that are said of dimensions with an effect."""
    rows = [("said", "mean", "true", "bets", "called likely: mean", "true", "bets"), ("---",) * 7]
    bets = [bet for one in done for bet in one.bets if bet.real]
    for tenth in range(10):
        within = [bet for bet in bets if tenth <= 10 * bet.chance < tenth + 1 + (tenth == 9)]
        texts = []
        for of in (within, [bet for bet in within if bet.named]):
            count = max(len(of), 1)
            means = [sum(bet.chance for bet in of) / count, sum(bet.right for bet in of) / count]
            texts += [*(f"{mean:.2f}" for mean in means), f"{len(of)}"]
        rows.append((f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}", *texts))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surfaces", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--samplers", nargs="+", default=["tpe", "random"])
    parser.add_argument("--stopping", nargs="+", default=["none", "asha"])
    parser.add_argument("--trials", nargs="+", type=int, default=[24, 40])
    parser.add_argument("--sweeps", type=int, default=SWEEPS, help="of each kind, one a seed")
    parser.add_argument("--first", type=int, default=FIRST, help="seed")
    parser.add_argument("--processes", type=int, help="default: one a core")
    args = parser.parse_args()
    started = time.monotonic()
    words = itertools.product(args.surfaces, args.trials, args.samplers, args.stopping)
    kinds = {
        f"{surface}, {sampler}, {stopping}, {trials}": Asked(
            surface, sampler, trials, stopping, DIVERGING
        )
        for surface, trials, sampler, stopping in words
    }
    found = answer_all(kinds, range(args.first, args.first + args.sweeps), args.processes)
    for kind in itertools.product(args.samplers, args.stopping):
        found[f"all, {', '.join(kind)}"] = [
            one for name, done in found.items() if f", {', '.join(kind)}, " in name for one in done
        ]
    every = [one for name, done in found.items() if not name.startswith("all, ") for one in done]
    print(f"{markdown(found)}\n\n{reliability(every)}\n\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
