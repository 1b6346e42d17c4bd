"""Whether a sweep is finished, and what ended its search: one rule for all that say so."""

from colornet.cli_result import count_text
from colornet.errors import InputError
from search.core import confirmation
from search.core.ask_tell import CONFIRM
from search.core.budget import Spending
from search.records.reader import UNFINISHED, SweepRecords, TrialCounts, count_trials, read_states
from spaces.grid import count_points
from spaces.study import Study


def search_is_over(
    study: Study, spending: Spending, confirming: int, under_way: float = 0.0
) -> str | None:
    """Which budget of the search is used up, if one is; room is left for confirming.

    Args:
        confirming: trials that confirm and have been started.
        under_way: pictures that running trials still have to see.
    """
    images = study.base_config["training"]["images"] or spending.images_per_trial
    left = max(0, confirmation.count(study) - confirming)
    return spending.over(under_way, left * images)


def is_finished(study: Study, sweep: SweepRecords, spending: Spending) -> bool:
    """Whether `resume` would have nothing to do: all is tried that may be, and confirmed."""
    if sweep.trials["state"].isin(UNFINISHED).any():
        return False
    searched, confirming = _started(sweep)
    if searched < study.trials and search_is_over(study, spending, confirming) is None:
        return False
    return spending.over() is not None or next(confirmation.missing(study, sweep), None) is None


def ended_by(study: Study, sweep: SweepRecords, spending: Spending) -> str | None:
    """What ended the search before the trials that were asked for, in a sentence."""
    searched, confirming = _started(sweep)
    if searched < study.trials:
        return search_is_over(study, spending, confirming)
    asked, points = study.file.budget.trials, count_text(study.trials, "point")
    unfinished = sweep.trials["state"].isin(UNFINISHED) & (sweep.trials["origin"] != CONFIRM)
    if asked is None or asked <= study.trials or unfinished.any():
        return None
    return f"the space has no more than {points}, and all were tried"


def counted(sweep: SweepRecords, *, driven: bool) -> TrialCounts:
    """Count a sweep's trials: whatever says how many there are, and are to be, asks this.

    Args:
        driven: whether a driver is alive; without one no trial runs.
    """
    try:
        study = Study.from_data(sweep.study, f"{sweep.location}/study.yaml")
        missing = sum(1 for _ in confirmation.missing(study, sweep))
    except InputError:  # of an earlier release, which can be read and no longer run
        missing = 0
    pairs = zip(sweep.trials["state"], sweep.trials["origin"], strict=True)
    return count_trials(sweep.study, pairs, driven=driven, missing=missing)


def _started(sweep: SweepRecords) -> tuple[int, int]:
    """Trials of the search that have been started, and trials that confirm."""
    confirming = int((sweep.trials["origin"] == CONFIRM).sum())
    return len(sweep.trials) - confirming, confirming


def is_left(sweep: SweepRecords) -> bool:
    """Whether a sweep that was read would go on; not where its study can no longer be run."""
    try:
        study = Study.from_data(sweep.study, f"{sweep.location}/study.yaml")
        spending = Spending(study.file.budget, read_states(sweep.location)[0], sweep.ticks)
        return not is_finished(study, sweep, spending)
    except InputError:
        return False


def is_exhausted(sweep: SweepRecords) -> bool:
    """Whether a search has tried every point of its space, so that `extend` would add none."""
    try:
        study = Study.from_data(sweep.study, f"{sweep.location}/study.yaml")
    except InputError:
        return False
    searched, _ = _started(sweep)
    return study.file.design == "search" and count_points(study.dimensions, searched) is not None
