"""Which trials are stopped early: successive halving and the median rule, on pictures seen.

Trials are compared when they have seen equally many pictures, at rungs, by what decides
(`search.core.target`): those that will violate no bound come before those that will. A bound is for
the end of a training, and what it bounds changes until then: a trial counts as violating it only
where it would by all that finished trials changed from that rung on, less twice their scatter, and
not before one has finished. (In 40 simulated searches of 48 trainings' pictures, under a bound that
half of all points meet, the median regret of what was decided for was 0.51 ab MAE, and 0.65 with
the bound taken as it is at the rung, which stops trials close to it: the best ones.)

Where several objectives decide one trial is worse than another only if it is dominated: it is on a
later front of those at the rung, so that whatever is best in any one objective goes on. Rungs hold
nothing but reported values, and are rebuilt from the records. No trial is stopped at its last tick.

With `grace: auto` earlier rungs are gone by as long as ranks there agree with the final ones, as in
PASHA (Bohdal et al. 2023, arXiv:2207.06940), which trains no further once ranks are stable: from
the earliest rung on at which Spearman's correlation is at least AGREEMENT among FINISHERS trials or
more that have finished, whichever of them is left out. What was stopped at it stays so; where
agreement falls with more trials the rung is passed by again.

`asha`: asynchronous successive halving (Li et al. 2020), stopping variant; with `promote` what was
stopped may go on (`search.core.promotion`). `hyperband`: the same with brackets of trials that are
first judged later, or never (Li et al. 2018). `median`: a trial that is worse than half of the
others is stopped at any tick (Golovin et al. 2017).
"""

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from search.core.ranking import pareto_layers, spearman
from search.core.target import LastReport, Target
from spaces.study import Stopping, Study

MEDIAN_OF = 5
"""Trials that the median rule wants to have seen at a tick before it stops one: a median of fewer
says little, and `n_startup_trials` of Optuna's MedianPruner is 5, too."""
FINISHERS = 8
AGREEMENT = 0.8
"""Trials that have finished, and Spearman's correlation between their values at a rung and at the
end, from which on `grace: auto` goes by the rung."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it, modulo 1, fill [0, 1) more evenly than those of any other number (Knuth, The Art
of Computer Programming 3, 6.4)."""


def first_rung(stopping: Stopping, number: int, count: int) -> int:
    """The index of the first rung at which a trial is judged; `count` for none.

    Always 0 except for `hyperband`, whose brackets each start a rung later than the one before,
    and get `factor` times fewer trials.

    Args:
        number: of the trial; it alone decides.
        count: of rungs.
    """
    if stopping.rule != "hyperband":
        return 0
    weights = np.array([stopping.factor**-bracket for bracket in range(count + 1)])
    # Not drawn at random: any run of numbers fills the brackets by their weights.
    fraction = (number * GOLDEN) % 1
    return int(np.searchsorted(np.cumsum(weights / weights.sum()), fraction, side="right"))


class EarlyStopping:
    """Judges the trials of a search.

    Attributes:
        rungs: pictures seen at each rung, to half a batch, ascending.
        reached: for each rung what the trials that have reached it reported there, by trial_id.
        finals: what trials reported at their end, by trial_id.
    """

    def __init__(self, study: Study) -> None:
        self._stopping = study.file.stopping
        self.target = Target.of(study)
        training = study.base_config["training"]
        fractions = self._stopping.rungs(training["ticks"])
        self._sure = sum(part < self._stopping.sure_grace - 1e-9 for part in fractions)
        """Rungs before the first at which trials are judged whatever is known of ranks."""
        self._images = training["images"]
        # A tick ends with a whole batch, which may be the last one short of the rung.
        batch = training["batch_size"] / 2
        self.rungs = [part * self._images - batch for part in fractions] if self._images else []
        self.reached: list[dict[str, LastReport]] = [{} for _ in self.rungs]
        self.finals: dict[str, LastReport] = {}

    def rebuild(self, ticks: pd.DataFrame, numbers: Mapping[str, int]) -> None:
        """Fill the rungs from recorded ticks.

        Args:
            ticks: rows with trial_id, images and what the target needs.
            numbers: of the trials that are judged; others are left out.
        """
        if not self.rungs or ticks.empty:
            return
        columns = self.target.columns
        ordered = ticks.reindex(columns=["trial_id", "images", *columns])
        ordered = ordered.sort_values("images", kind="stable")
        for trial_id, images, *values in ordered.itertuples(index=False, name=None):
            if trial_id in numbers:
                report = self.target.report(dict(zip(columns, values, strict=True)))
                self.add(trial_id, numbers[trial_id], images, report)

    def add(self, trial_id: str, number: int, images: int, report: LastReport) -> str | None:
        """Take in a trial's report; returns why it is to be stopped, or None.

        A rung is decided once, at the first report that reaches it.

        Args:
            images: pictures that the trial has seen.
            report: what it has reached then.
        """
        if not self.rungs or self.target.sort_key(report) is None:
            return None
        report = report._replace(tick=0)
        if images >= self._images:
            self.finals[trial_id] = report
            return None
        reason = None
        for index in range(first_rung(self._stopping, number, len(self.rungs)), len(self.rungs)):
            if images < self.rungs[index]:
                break
            if trial_id not in self.reached[index]:
                self.reached[index][trial_id] = report
                if reason is None and index >= self.first_judged:
                    reason = self._judge(index, trial_id, images)
        return reason

    @property
    def first_judged(self) -> int:
        """The index of the first rung at which trials are judged, as things are."""
        return next((i for i in range(self._sure) if self._agrees(i)), self._sure)

    def _agrees(self, index: int) -> bool:
        """Whether early ranks at a rung are those of the end, whichever trial is left out."""
        rung = self.reached[index]
        names = [name for name in self.finals if name in rung]
        if len(names) < FINISHERS:
            return False
        early = np.array([rung[name].values for name in names], dtype=float)
        final = np.array([self.finals[name].values for name in names], dtype=float)
        return all(
            spearman(np.delete(early[:, metric], left), np.delete(final[:, metric], left))
            >= AGREEMENT
            for metric in range(early.shape[1])
            for left in range(len(names))
        )

    def _judge(self, index: int, trial_id: str, images: int) -> str | None:
        count, better = len(self.reached[index]), self.better_at(index, [trial_id])[trial_id]
        too_few = self._stopping.rule == "median" and count <= MEDIAN_OF
        if too_few or better < self.places(index):
            return None
        trials, pictures = count_text(count, "trial"), count_text(images, "picture")
        return f"{better} of {trials} were better after {pictures}"

    def places(self, index: int) -> int:
        """How many of the trials that have reached a rung go on there."""
        return math.ceil(len(self.reached[index]) / self._stopping.one_in)

    def last_rung(self, trial_id: str) -> int | None:
        """The index of the last rung that a trial has reached, of which it was judged."""
        reached = [index for index, rung in enumerate(self.reached) if trial_id in rung]
        return reached[-1] if reached else None

    def better_at(self, index: int, trials: Iterable[str]) -> dict[str, int]:
        """How many of the trials that have reached a rung were better there than some of them."""
        expect = self._expectation(index)
        rung = {other: expect(report) for other, report in self.reached[index].items()}
        if len(self.target.goals) == 1:
            return {name: sum(key < rung[name] for key in rung.values()) for name in trials}
        layers = dict(zip(rung, pareto_layers(np.array(list(rung.values()))), strict=True))
        return {name: sum(layer < layers[name] for layer in layers.values()) for name in trials}

    def _expectation(self, index: int) -> Callable[[LastReport], tuple[float, ...]]:
        """What a report at a rung is ranked by, with its bounds as they will be at the end."""
        rung = self.reached[index]
        finished = [(rung[name], final) for name, final in self.finals.items() if name in rung]
        least: dict[str, float] = {}
        for column, _ in self.target.bounds:
            pairs = [(at.excess.get(column), final.excess.get(column)) for at, final in finished]
            changes = sorted(
                end - then for then, end in pairs if then is not None and end is not None
            )
            if changes:
                least[column] = float(np.mean(changes) - 2 * np.std(changes))

        def expect(report: LastReport) -> tuple[float, ...]:
            excess = {
                column: None if over is None or column not in least else over + least[column]
                for column, over in report.excess.items()
            }
            key = self.target.sort_key(report._replace(excess=excess))
            assert key is not None
            return key

        return expect
