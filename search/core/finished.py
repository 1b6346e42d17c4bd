"""How many trials a sweep has, whether it is finished and what ended it: one rule for all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from colornet.cli_result import count_text
from colornet.errors import InputError
from search.core import confirmation
from search.core.budget import BudgetTracker
from search.records.reader import CONFIRM, CUT_OFF, UNFINISHED, SweepRecords
from spaces.grid import count_points
from spaces.study import Study

_OPEN = (*UNFINISHED, CUT_OFF)


@dataclass(frozen=True)
class TrialCounts:
    """How many trials of a sweep there are, and are to be.

    Attributes:
        done, total: trials of the search (a comparison's replicates are among them).
        confirmed, to_confirm: trials that confirm the best; `to_confirm` at most.
        states, confirming: number of trials by state, of the search and of its confirmation.
    """

    done: int
    total: int
    confirmed: int
    to_confirm: int
    states: dict[str, int]
    confirming: dict[str, int]

    @property
    def search_text(self) -> str:
        """`12 of 16 done (10 completed, 2 pruned, 1 running)`."""
        return f"{self.done} of {self.total} done ({_by_state(self.states)})"

    @property
    def confirm_text(self) -> str:
        """The same of the trials that confirm; empty where none are to."""
        if not (self.to_confirm or self.confirming):
            return ""
        total = count_text(self.to_confirm, "trial")
        return f"{self.confirmed} of {total} done ({_by_state(self.confirming)})"

    @property
    def stopped_text(self) -> str:
        """`stopped, 3 of 14, resume`: of the search, or of confirming once only that is left.

        A search may be extended after its best were confirmed: then it counts the search again.
        """
        searching = any(self.states.get(state) for state in _OPEN)
        left = self.confirmed < self.to_confirm and not searching
        confirms = left and (self.confirming or self.done >= self.total)
        done, total = (self.confirmed, self.to_confirm) if confirms else (self.done, self.total)
        what = "confirming " if confirms else ""
        return f"stopped, {what}{done} of {total}, resume"


def _by_state(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "none started"


def count_trials(
    study: Mapping[str, Any], trials: Iterable[tuple[str, str]], *, driven: bool, missing: int = 0
) -> TrialCounts:
    """Count trials by state and origin; of a sweep that was read, `counts_of` does.

    Args:
        study: the resolved study.
        trials: state and origin of each.
        driven: whether a driver is alive; without one no trial runs.
        missing: replicates of those that are best now that have not been started.
    """
    states: dict[str, int] = {}
    confirming: dict[str, int] = {}
    for state, origin in sorted(trials):
        counts = confirming if origin == CONFIRM else states
        state = CUT_OFF if state == "running" and not driven else state
        counts[state] = counts.get(state, 0) + 1
    # A budget may have been lowered below what had been tried.
    total = max(int(study.get("trials") or 0), sum(states.values()))
    confirm = study.get("confirm") or {}
    done, confirmed = (
        sum(count for state, count in counts.items() if state not in _OPEN)
        for counts in (states, confirming)
    )
    # Once the search has ended, no more are confirmed than completed.
    top = min(confirm.get("top", 0), total if done < total else states.get("completed", 0))
    # Others were best before the search was extended, or more of them were asked for.
    most = max(top * confirm.get("replicates", 0), sum(confirming.values()) + missing)
    return TrialCounts(done, total, confirmed, most, states, confirming)


def counts_of(sweep: SweepRecords, *, driven: bool) -> TrialCounts:
    """Count a sweep's trials.

    Args:
        driven: whether a driver is alive; without one no trial runs.
    """
    study = _runnable(sweep)
    missing = sum(1 for _ in confirmation.missing(study, sweep)) if study else 0
    pairs = zip(sweep.trials["state"], sweep.trials["origin"], strict=True)
    return count_trials(sweep.study, pairs, driven=driven, missing=missing)


def _runnable(sweep: SweepRecords) -> Study | None:
    """A sweep's study; None where an earlier release wrote it, which can be read but not run."""
    try:
        return Study.from_data(sweep.study, f"{sweep.location}/study.yaml")
    except InputError:
        return None


def _started(sweep: SweepRecords) -> tuple[int, int]:
    """Trials of the search that have been started, and trials that confirm."""
    confirming = int((sweep.trials["origin"] == CONFIRM).sum())
    return len(sweep.trials) - confirming, confirming


def is_finished(study: Study, sweep: SweepRecords, budget: BudgetTracker) -> bool:
    """Whether `resume` would have nothing to do: all is tried that may be, and confirmed."""
    if sweep.trials["state"].isin(UNFINISHED).any():
        return False
    searched, confirming = _started(sweep)
    is_left = searched < study.trials or _may_promote(study, sweep)
    if is_left and budget.search_spent_text(study, confirming) is None:
        return False
    return budget.spent_text() is not None or next(confirmation.missing(study, sweep), None) is None


def _may_promote(study: Study, sweep: SweepRecords) -> bool:
    """Whether stopped trials are left to spend what is left of a budget on."""
    if not (study.file.stopping.promote and study.file.budget.is_limited):
        return False
    stopped = sweep.trials.loc[sweep.trials["state"] == "pruned", "trial_id"]
    return bool(stopped.isin(sweep.checkpointed).any())


def why_over(study: Study, sweep: SweepRecords, budget: BudgetTracker) -> str | None:
    """What ended the search before the trials that were wanted, in a sentence."""
    searched, confirming = _started(sweep)
    if searched < study.trials:
        return budget.search_spent_text(study, confirming)
    wanted = study.file.budget.trials
    unfinished = sweep.trials["state"].isin(UNFINISHED) & (sweep.trials["origin"] != CONFIRM)
    if wanted is None or wanted <= study.trials or unfinished.any():
        return None
    return exhausted_text(study.trials)


def is_left(sweep: SweepRecords) -> bool:
    """Whether a sweep that was read would go on; not where its study can no longer be run."""
    study = _runnable(sweep)
    if study is None:
        return False
    return not is_finished(study, sweep, BudgetTracker(study.file.budget, sweep))


def is_exhausted(sweep: SweepRecords) -> bool:
    """Whether a search has tried every point of its space, so that `extend` would add none."""
    study, (searched, _) = _runnable(sweep), _started(sweep)
    if study is None:
        return False
    return study.file.design == "search" and count_points(study.dimensions, searched) is not None


def exhausted_text(points: int, invalid: int = 0) -> str:
    """That a space has no further points.

    Args:
        points: that were tried.
        invalid: that were passed over, as they are no valid configs.
    """
    count = count_text(points, "point")
    if invalid:
        count += f" whose config is valid ({invalid:,} passed over)"
    return f"the space has no more than {count}, and all were tried"
