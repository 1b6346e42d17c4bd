"""Confirming the best of a search: the same points again, with fresh seeds, on the test pictures.

The best of many single trainings is partly the luckiest. Each replicate is a trial of its own, of
origin `confirm`; the seeds are the same for every point, so that differences are paired.
"""

import json
from collections.abc import Iterator

from search.core.ranking import best_trials
from search.records.reader import CONFIRM, SweepRecords
from spaces.dimensions import Point
from spaces.study import Study, derived_seed


def seeds(study: Study) -> list[int]:
    """The seeds that every confirmed point is trained with, none of them the search's own."""
    count = study.file.confirm.replicates if study.file.confirm else 0
    # The 2 keeps them apart from the seeds of trials (1) and of a comparison's replicates (3).
    return [derived_seed(study.file.seed, index, 2) for index in range(count)]


def missing(study: Study, sweep: SweepRecords) -> Iterator[tuple[Point, int]]:
    """The replicates that have not been started: (point, seed), all points with a seed first.

    Args:
        sweep: the records of a search whose trials have all ended.
    """
    if study.file.confirm is None or sweep.trials.empty:
        return
    confirming = sweep.trials[sweep.trials["origin"] == CONFIRM]
    started = set(zip(confirming["point_id"], confirming["seed"], strict=True))
    best = set(best_trials(sweep, study.file.confirm.top)["trial_id"])
    chosen = sweep.trials[sweep.trials["trial_id"].isin(best)]
    for seed in seeds(study):
        for point_id, point in zip(chosen["point_id"], chosen["point"], strict=True):
            if (point_id, seed) not in started:
                yield json.loads(point), seed
