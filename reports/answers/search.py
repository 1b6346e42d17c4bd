"""The answers of a search: one per dimension, from trials of equal budget."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from colornet.cli_result import count_text
from reports.analysis.effects import Effect, fit_search, trials_needed
from reports.analysis.lost_trials import Lost, lost_text, lost_trials, lost_where, more_lost
from reports.analysis.regression import drawn_in
from reports.analysis.statistics import LEVEL, adjusted, shown
from reports.answers.answer import Answer, answer
from reports.answers.search_tests import Findings, find
from reports.answers.text import (
    best_setting,
    better_way,
    contrast_text,
    dependences,
    direction_text,
    same_text,
    shown_texts,
    unclear_text,
)
from reports.format import setting_text
from reports.tables import Column, Dimension, SweepTables
from search.core.ranking import LOST, deciding_metric
from spaces.study import LEARNING

SPREAD_SHARE = 0.25
"""Of the trials' standard deviation: the least difference that matters where a study names none."""
POWER = 0.8
TRIALS = "trials"


def search_answers(sweep: SweepTables, rows: pd.DataFrame, column: Column) -> list[Answer]:
    """One answer per dimension; `rows` as of `reports.answers.answers.counted`."""
    scored = rows[rows["kind"] == "scored"]
    points, values = scored["point"].tolist(), scored["value"].to_numpy(dtype=float)
    model = fit_search(sweep.dimensions, points, values, least_difference(sweep, values, column))
    lost = lost_of(sweep, rows)
    if model is None or np.ptp(values) == 0:
        return _too_little(sweep.dimensions, points, values, lost, column)
    found = find(model, lost, column)
    return [_answer(found, dimension, points) for dimension in sweep.dimensions]


def least_difference(sweep: SweepTables, values: np.ndarray, column: Column) -> float:
    """The study's own word for what matters, else a share of the trials' spread."""
    study = sweep.records.study
    if column.name == deciding_metric(study) and study.get("difference"):
        return float(study["difference"])
    return SPREAD_SHARE * float(drawn_in(values).std(ddof=1)) if len(values) > 1 else 0.0


def lost_of(sweep: SweepTables, rows: pd.DataFrame) -> list[Lost]:
    """Where trainings diverge or run out of memory, among those that ended by themselves."""
    ended = rows[~rows["state"].isin(("running", "cancelled", "preempted", "failed", "stalled"))]
    return lost_trials(
        sweep.dimensions,
        ended["point"].tolist(),
        ended["state"].isin(LOST).tolist(),
        adaptive=sweep.records.study.get("sampler") in LEARNING,
    )


def _answer(found: Findings, dimension: Dimension, points: list[dict[str, Any]]) -> Answer:
    name, known = dimension.name, found.effects[dimension.name]
    active = [point[name] for point in points if name in point]
    lost = lost_where(found.lost, found.p, name)
    gone = [lost_text(where) for where in lost]
    if not known:
        return _without(dimension, active, gone)
    p_values = [found.p.get(("effect", name, str(at)), math.nan) for at in range(len(known))]
    at = int(np.nanargmin(p_values)) if any(math.isfinite(p) for p in p_values) else 0
    claimed = [(one, p) for one, p in zip(known, p_values, strict=True) if shown(p)]
    texts = shown_texts(found, name, claimed)
    depends = dependences(found, name)
    needed, p = None, p_values[at]
    setting = best_setting(found, name, claimed)
    if depends:
        verdict, texts = "depends", [*texts, *depends]
    elif claimed:
        verdict = "effect"
    elif shown(found.p.get(("same", name), math.nan)):
        verdict, texts = "equivalent", [same_text(found, dimension)]
    elif shown(found.p.get(("direction", name), math.nan)):
        verdict, texts = "effect", [direction_text(found, name, known[at])]
        p = found.p["direction", name]
        setting = "; ".join(one for one in (better_way(found, name), setting) if one)
    else:
        verdict, p = ("effect", min(where.p for where in lost)) if lost else ("unclear", p)
        needed = _needed(found, known, len(active))
        texts = [unclear_text(found, known[at], needed)]
    main = answer(name, verdict, ". ".join([*texts, *gone]) + ".", len(active), TRIALS)
    return main._replace(
        setting=setting,
        contrast=contrast_text(known[at].contrast),
        estimate=known[at].estimate,
        low=known[at].low,
        high=known[at].high,
        p=p,
        needed=needed,
    )


def _without(dimension: Dimension, active: list[Any], gone: list[str]) -> Answer:
    """No contrast can be asked of it: the trials do not differ enough."""
    count = len(active)
    if gone:
        return answer(dimension.name, "effect", f"{'. '.join(gone)}.", count, TRIALS)
    if not active:
        return answer(dimension.name, "not asked", "No trial has it.", 0, TRIALS)
    if all(value == active[0] for value in active):
        text = f"Every trial that has it is at {setting_text(active[0])}."
        return answer(dimension.name, "not asked", text, count, TRIALS)
    text = f"Not enough data: {count_text(count, 'trial')}, too few of them in all regions but one."
    return answer(dimension.name, "unclear", text, count, TRIALS)


def _too_little(
    dimensions: Sequence[Dimension],
    points: list[dict[str, Any]],
    values: np.ndarray,
    lost: list[Lost],
    column: Column,
) -> list[Answer]:
    """Answers where nothing can be fitted; where trainings are lost may still be plain."""
    together = adjusted({("lost", str(at)): one.p for at, one in enumerate(lost)})
    needed = trials_needed(dimensions, points) - len(points)
    if not len(points):
        text = "Not enough data: no trial has trained its full budget."
    elif len(points) > 1 and np.ptp(values) == 0 and needed <= 0:
        text = f"All {len(points)} trials have the same {column.label}, so it shows nothing."
    else:
        trials = count_text(len(points), "trial")
        needed = max(needed, 1)
        text = f"Not enough data: {trials} of equal budget; at least {needed} more are needed."
    found = []
    for one in dimensions:
        gone = [
            lost_text(where)
            for at, where in enumerate(lost)
            if where.dimension == one.name and more_lost(where) and shown(together["lost", str(at)])
        ]
        count = sum(one.name in point for point in points)
        whole = f"{'. '.join([text.rstrip('.'), *gone])}."
        made = answer(one.name, "effect" if gone else "unclear", whole, count, TRIALS)
        found.append(made._replace(needed=max(needed, 1) if len(points) and needed > 0 else None))
    return found


def _needed(found: Findings, known: Sequence[Effect], count: int) -> int | None:
    """Trials to add so that each difference that matters is probably shown; None if it were now."""
    error = max(one.error for one in known)
    reach = stats.norm.isf((1 - LEVEL) / 2 / max(found.count, 1)) + stats.norm.ppf(POWER)
    if not found.model.difference > 0:
        return None
    size = float(reach * error / found.model.difference) ** 2
    whole = math.ceil(len(found.model.values) * size) - len(found.model.values)
    return whole if whole > 0 else None
