"""What the diagnostics say against a trial, and what speaks against a sweep and its choice."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from colornet.cli_result import count_text
from reports.analysis.attempts import busy_of
from reports.analysis.decision import Decision, leaders
from reports.answers.recommendation import CONFIRM_REPLICATES, confirm_command
from reports.charts import early_ranks
from reports.format import first_line, fixed_text, interval_text, percent_text, value_text
from reports.tables import FAILED_STATES, SweepTables, place_in_range
from search.core.finished import is_exhausted
from spaces.dimensions import Dimension
from spaces.study import FEW_ROUNDS, STARTUP_TRIALS, sampler_of_study

FLAGS = {
    "diag_collapsed": "contest collapsed",
    "diag_overfitting": "discriminator overfits",
}
"""Columns of ticks that are 1 where something is wrong, and what it is."""
REMEDIES = {
    "diag_collapsed": "lower `optimizer.lr_ratio`, or hold the discriminator back with "
    "`loss.label_smoothing` or `loss.gate_accuracy`",
    "diag_overfitting": "train on more pictures, or set `loss.augment`",
    "diverged": "see where trainings went wrong, and lower `optimizer.generator_lr` or the end of "
    "its range",
    "oom": "give a trial more of a card (`--set resources.gpus=1`), or lower `training.batch_size`",
    "stalled": "look at the machine they ran on with `colorsweep doctor`",
    "failed": "read the reason in the table of all trials",
}
"""What to do about it, by flag or by state."""
EDGE = 0.05
"""Share of a range, in its own scale, that counts as its edge."""
ENOUGH_REPLICATES = 3
LITTLE = 0.3
"""Kendall's tau below which an early order predicts little of the final one."""


def flags(sweep: SweepTables) -> pd.Series:
    """What is wrong with each trial at its last tick, aligned with `trials`; "" for nothing."""
    texts = pd.Series("", index=sweep.trials.index, dtype=object)
    for column, words in FLAGS.items():
        raised = sweep.last_values(column) == 1
        texts[raised] = texts[raised].map(lambda before, words=words: before + f", {words}")
    return texts.str.removeprefix(", ")


def notes(sweep: SweepTables, decision: Decision | None) -> tuple[str, ...]:
    """What to know before relying on a sweep, each with what to do about it; may be empty.

    Args:
        decision: as `reports.analysis.decision.decide` gives it; None where nothing can be chosen.
    """
    made = [_edges(sweep, decision), _replicates(sweep, decision)] if decision else []
    made += [_learning(sweep), _failures(sweep), _flagged(sweep, decision)]
    return tuple(chain(*made, _stopping(sweep), _missing(sweep)))


def _edges(sweep: SweepTables, decision: Decision) -> Iterator[str]:
    """Ranges at whose end the best lies: better ones may lie beyond."""
    points = leaders(decision.points)["point"]
    for dimension in sweep.dimensions:
        sides = [_side(dimension, point.get(dimension.name)) for point in points]
        if sides[0] is None:
            continue
        same = sides.count(sides[0])
        who = "the best lies"
        if len(points) > 1:
            who = f"{same} of the {len(points)} that cannot be told apart lie"
            if same == 1:
                continue
        more = max(8, len(sweep.searched) // 2)
        end, way = ("upper", "upwards") if sides[0] > 0 else ("lower", "downwards")
        yield (
            f"{dimension.name}: {who} at the {end} end of the range "
            f"({value_text(points.iloc[0][dimension.name])} in {value_text(dimension.low)} to "
            f"{value_text(dimension.high)}). Widen it {way} in a copy of the study, and go on with "
            f"`colorsweep extend {sweep.argument} --trials {more} --study FILE --accept`."
        )


def _side(dimension: Dimension, value: Any) -> int | None:
    """-1 at the lower end of a range, 1 at the upper one; None elsewhere.

    None, too, at a natural bound: nothing lies below 0.
    """
    share = place_in_range(dimension, value)
    if share is None:
        return None
    if share <= EDGE and (dimension.is_log or dimension.low != 0):
        return -1
    return 1 if share >= 1 - EDGE else None


def _replicates(sweep: SweepTables, decision: Decision) -> Iterator[str]:
    n = int(decision.points["n"].iloc[0])
    if command := confirm_command(decision, sweep):
        yield f"The best was trained once: confirm it with fresh seeds, `{command}`."
    elif n < ENOUGH_REPLICATES and decision.basis == "confirm":
        top = sweep.records.study.get("confirm") or {}
        yield (
            f"The best was confirmed with {count_text(n, 'seed')} alone: "
            f"`colorsweep confirm {sweep.argument} --top {top.get('top', 1)} --replicates "
            f"{CONFIRM_REPLICATES}`."
        )
    elif n < ENOUGH_REPLICATES:
        yield (
            f"The best level has {count_text(n, 'seed')} alone: `colorsweep extend "
            f"{sweep.argument} --replicates {ENOUGH_REPLICATES - n}`."
        )


def _learning(sweep: SweepTables) -> Iterator[str]:
    """Whether a sampler that learns had something to learn from."""
    study, count = sweep.records.study, len(sweep.searched)
    startup = STARTUP_TRIALS.get(sampler := sampler_of_study(study))
    if study.get("design") != "search" or startup is None or not count:
        return
    if study.get("learned_from"):
        return
    rows = sweep.records.attempts
    times = [(rows[name] - rows["start"].min()).dt.total_seconds() for name in ("start", "end")]
    at_once = max(int(busy_of(*(seconds.to_numpy() for seconds in times))[1].max()), 1)
    rounds = max(0, count - startup) / at_once
    if rounds < FEW_ROUNDS and not is_exhausted(sweep.records):
        more = startup + FEW_ROUNDS * at_once - count
        yield (
            f"{sampler} has learned in {fixed_text(rounds, 1)} rounds (its first {startup} trials "
            f"fill the space, then {at_once} at a time), and below {FEW_ROUNDS} it is little "
            f"better than random: `colorsweep extend {sweep.argument} --trials {more}`."
        )


def _failures(sweep: SweepTables) -> Iterator[str]:
    """How many were lost by cause."""
    words = {"oom": "ran out of memory", "stalled": "gave no sign of life"}
    for state in FAILED_STATES:
        lost = sweep.trials[sweep.trials["state"] == state]
        if len(lost):
            reason = first_line(lost["reason"].iloc[0])[:120]
            first = f" ({reason})" if reason else ""
            yield (
                f"{value_text(len(lost))} of {count_text(len(sweep.trials), 'trial')} "
                f"{words.get(state, state)}, for example {lost['trial_id'].iloc[0]}{first}: "
                f"{REMEDIES[state]}."
            )


def _flagged(sweep: SweepTables, decision: Decision | None) -> Iterator[str]:
    """How many contests were flagged, and whether the best is among them."""
    best = decision.points["trial_id"].iloc[0] if decision is not None else None
    for column, words in FLAGS.items():
        values = sweep.last_values(column)
        measured, raised = int(np.isfinite(values).sum()), values == 1
        if not raised.any():
            continue
        text = (
            f"{value_text(int(raised.sum()))} of {count_text(measured, 'contest')} flagged: {words}"
        )
        if (sweep.trials.loc[raised, "trial_id"] == best).any():
            text += ", the best among them"
        yield f"{text}. To mend it, {REMEDIES[column]}."


def _stopping(sweep: SweepTables) -> Iterator[str]:
    """Whether early stopping did anything, and whether early values predicted final ones."""
    stopping = sweep.records.study.get("stopping") or {}
    rule, ended = stopping.get("rule", "none"), sweep.searched["state"].isin(["completed"]).sum()
    if rule == "none" or sweep.records.study.get("design") != "search":
        return
    if not (sweep.searched["state"] == "pruned").any():
        if ended >= early_ranks.MIN_TRIALS:
            yield (
                f"Early stopping ({rule}) stopped none of {count_text(int(ended), 'trial')}: lower "
                f"`stopping.grace`, which is {stopping.get('grace')}, or set `stopping.rule=none`."
            )
        return
    ranks = early_ranks.prepare(sweep)
    if not ranks.points or not ranks.rungs:
        return
    share, tau = min(ranks.points, key=lambda point: abs(point[0] - ranks.rungs[0]))
    if tau.estimate < LITTLE:
        yield (
            f"After {percent_text(share)} of a training, where stopping begins, the order foretold "
            "little of the last among those that finished (Kendall's tau "
            f"{interval_text(tau.estimate, tau.low, tau.high, digits=2)}): raise `stopping.grace`."
        )


def _missing(sweep: SweepTables) -> Iterator[str]:
    """What is missing from the records."""
    if torn := len(sweep.records.problems):
        yield (
            f"{count_text(torn, 'part')} of the records cannot be read: what "
            f"{'it' if torn == 1 else 'they'} held is missing here. Restore the folder "
            f"{sweep.records.location.rstrip('/')}/records from a copy."
        )
    if len(sweep.ticks):
        seen = sweep.ticks.groupby("trial_id")["tick"].agg(["max", "nunique"])
        whole, missing = int(seen["max"].sum()), int((seen["max"] - seen["nunique"]).sum())
        if missing:
            yield (
                f"{percent_text(missing / whole, 1)} of the ticks are missing, in "
                f"{count_text(int((seen['max'] > seen['nunique']).sum()), 'trial')}: curves have "
                "gaps there, last values stand."
            )
