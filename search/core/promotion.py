"""Which stopped trials may be taken up again, and when one is (Li et al. 2020, algorithm 2).

A trial is stopped for what others had reached at its rung by then. Once more of them have come
there it may be among those that go on: it is promoted, and goes on from its checkpoint. From the
highest rung down, and of a rung the best first.

Who is promoted follows from what was reached at rungs, and from which stopped trials have
checkpoints: those are few, as a checkpoint holds every weight three times.

A study has to ask for it. Where points are left to be tried, it found no better ones with the same
pictures: of 153 pairs of simulated searches of 24 trainings' pictures (`tpe`, on five surfaces,
`asha` from a half on with factor 2 and from a tenth on with factor 3), 46 were better with it and
50 worse; a search promoted 0.7 to 4.6 trials on average, and 3 named one of them. With `gp`, from
a half on and on three surfaces, 8 of 27 pairs were better and 11 worse.
"""

from collections import defaultdict
from collections.abc import Iterable

from search.core.early_stopping import EarlyStopping
from spaces.study import Study

KEPT_PER_RUNG = 3
"""Stopped trials of each rung whose checkpoints are kept, the best. A rung has room for one more
each time that `factor` trials have come, so that few are promoted before others are stopped."""


def most_paused(study: Study) -> int:
    """Stopped trials whose checkpoints a sweep keeps at a time, at most."""
    rungs = study.file.stopping.rungs(int(study.base_config["training"]["ticks"]))
    return KEPT_PER_RUNG * len(rungs) if study.file.stopping.promote else 0


class PausedTrials:
    """Stopped trials that may go on.

    Args:
        early_stopping: judges them.
        trials: ids of those that have checkpoints.

    Attributes:
        trials: ids of those that may go on.
    """

    def __init__(self, early_stopping: EarlyStopping, trials: Iterable[str] = ()) -> None:
        self._early_stopping = early_stopping
        self.trials = set(trials)

    def give_up(self) -> set[str]:
        """Drop all but the best of each rung, and those of none; returns the ids of the dropped."""
        kept = {name for ranked in self._ranked().values() for _, name in ranked[:KEPT_PER_RUNG]}
        dropped, self.trials = self.trials - kept, kept
        return dropped

    def best(self, *, only_due: bool) -> str | None:
        """The id of the one to go on first; None when there is none.

        Args:
            only_due: only one that would not be stopped at its rung as things are now.
        """
        rungs = self._ranked()
        for index in sorted(rungs, reverse=True):
            better, name = rungs[index][0]
            if not only_due or better < self._early_stopping.places(index):
                return name
        return None

    def _ranked(self) -> dict[int, list[tuple[int, str]]]:
        """By rung: how many were better there than each, and its id, the best first."""
        at_rung: defaultdict[int, list[str]] = defaultdict(list)
        for name in self.trials:
            if (index := self._early_stopping.last_rung(name)) is not None:
                at_rung[index].append(name)
        return {
            index: sorted(
                (better, name)
                for name, better in self._early_stopping.better_at(index, names).items()
            )
            for index, names in at_rung.items()
        }
