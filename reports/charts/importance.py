"""Which dimensions mattered for being among the best: PED-ANOVA over the trials of equal budget.

Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces" (IJCAI 2023), in optuna's implementation, which also weighs conditional dimensions.
"""

import json
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reports import drawing
from reports.tables import Column, Dimension, SweepTables, count_text

ID, TITLE, SHORT = "importance", "Importance", "Importance"
GRID = ()
MIN_TRIALS = 6
"""Below this the order is a guess: in 120 simulated searches with four dimensions of which one is
strong, that one came first in 52 % with 4 trials, 67 % with 6, 86 % with 12, 98 % with 24."""
SURE_TRIALS = 24
TOP_SHARE = 1 / 3
"""Share of the trials that count as good. With optuna's own 0.1 (two trials of 20) the strong one
came first in 34 % with 6 trials and 83 % with 24."""
SWITCH = " (or)"
"""Suffix of the parameter that says whether the special value was taken."""


class ImportanceInfo(NamedTuple):
    """(dimension, share of 1), the greatest first, from `trials` trials of `all_trials`."""

    objective: Column
    shares: tuple[tuple[str, float], ...]
    constant: tuple[str, ...]
    trials: int
    all_trials: int
    missing: str


def each(sweep: SweepTables) -> list[dict[str, str]]:
    """Every objective."""
    return [{"objective": objective.name} for objective in sweep.objectives]


def prepare(sweep: SweepTables, objective: str | None = None) -> ImportanceInfo:
    """Importance of each dimension, or why there is none."""
    column = sweep.column(objective or sweep.leading.name)
    rows = sweep.outcomes(column.name).assign(point=sweep.searched["point"])
    everything = len(rows)
    rows = rows[rows["kind"] == "scored"]
    values = rows["value"].to_numpy(dtype=float)
    points = rows["point"].tolist()
    varied = [d for d in sweep.dimensions if len(_settings(d, points)) > 1]
    constant = tuple(d.name for d in sweep.dimensions if d not in varied)
    missing = _missing(values, varied, len(sweep.dimensions))
    shares = () if missing else _shares(varied, points, values * column.sign)
    return ImportanceInfo(column, shares, constant, len(rows), everything, missing)


def _settings(dimension: Dimension, points: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(p[dimension.name]) for p in points if dimension.name in p}


def _missing(values: np.ndarray, varied: list[Dimension], dimensions: int) -> str:
    if not dimensions:
        return "The study varies nothing."
    if len(values) < MIN_TRIALS:
        return (
            f"Importance needs at least {MIN_TRIALS} completed trials of equal budget with "
            f"different values; there {'is' if len(values) == 1 else 'are'} {len(values)}."
        )
    if np.ptp(values) == 0:
        return f"Importance is not defined: all {len(values)} trials have the same value."
    if len(varied) < 2:
        only = f"only {varied[0].name}" if varied else "none"
        return f"Importance compares dimensions; {only} took more than one value here."
    return ""


def _shares(
    dimensions: list[Dimension], points: list[dict[str, Any]], losses: np.ndarray
) -> tuple[tuple[str, float], ...]:
    import optuna

    distributions = _distributions(dimensions, points)
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    optuna.logging.set_verbosity(level)
    for point, loss in zip(points, losses, strict=True):
        params = _params(dimensions, point)
        study.add_trial(
            optuna.create_trial(
                params=params,
                distributions={name: distributions[name] for name in params},
                value=float(loss),
            )
        )
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=TOP_SHARE)
    with warnings.catch_warnings():
        # optuna warns of conditions met by fewer than two trials, and rightly leaves those out.
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(
            study, evaluator=evaluator, params=sorted(distributions), normalize=False
        )
    sums = [(d.name, found.get(d.name, 0.0) + found.get(d.name + SWITCH, 0.0)) for d in dimensions]
    total = sum(value for _, value in sums)
    shares = [(name, value / total if total else 0.0) for name, value in sums]
    return tuple(sorted(shares, key=lambda pair: (-pair[1], pair[0])))


def _params(dimensions: list[Dimension], point: dict[str, Any]) -> dict[str, Any]:
    """A point in optuna's terms: the special value is a switch, and no value of the range."""
    params: dict[str, Any] = {}
    for dimension in dimensions:
        if dimension.name not in point:
            continue
        value = point[dimension.name]
        if dimension.special is not None:
            params[dimension.name + SWITCH] = dimension.is_special(value)
        if dimension.categorical:
            params[dimension.name] = json.dumps(value, sort_keys=True)
        elif not dimension.is_special(value):
            params[dimension.name] = value
    return params


def _distributions(dimensions: list[Dimension], points: list[dict[str, Any]]) -> dict[str, Any]:
    """Distributions over all values that occur, so that none lies outside (`start_from` may)."""
    from optuna import distributions as od

    taken: dict[str, list[Any]] = {}
    for point in points:
        for name, value in _params(dimensions, point).items():
            taken.setdefault(name, []).append(value)
    result: dict[str, Any] = {}
    for dimension in dimensions:
        name = dimension.name
        if name + SWITCH in taken:
            result[name + SWITCH] = od.CategoricalDistribution((False, True))
        if name not in taken:
            continue
        if dimension.categorical:
            result[name] = od.CategoricalDistribution(sorted(set(taken[name])))
            continue
        low = min([*taken[name], *([] if dimension.low is None else [dimension.low])])
        high = max([*taken[name], *([] if dimension.high is None else [dimension.high])])
        if dimension.whole:
            result[name] = od.IntDistribution(int(low), int(high), log=dimension.log)
        else:
            result[name] = od.FloatDistribution(float(low), float(high), log=dimension.log)
    return result


def draw(info: ImportanceInfo) -> go.Figure:
    """Horizontal bars, the greatest on top."""
    shares = info.shares[::-1]
    chart = drawing.figure("Share of importance", "", height=90 + 34 * max(len(shares), 1))
    chart.add_bar(
        x=np.array([share for _, share in shares]),
        y=list(range(len(shares))),
        orientation="h",
        marker={"color": drawing.BLUE},
        text=[f"{share:.0%}" for _, share in shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.62,
    )
    chart.update_xaxes(range=[0, 1.08], tickformat=".0%", tickvals=[0, 0.5, 1], tickangle=0)
    chart.update_yaxes(
        tickvals=list(range(len(shares))),
        ticktext=[drawing.tick(name) for name, _ in shares],
        showgrid=False,
    )
    return chart


def caption(info: ImportanceInfo) -> str:
    """What the shares mean and the number of trials behind them."""
    if info.missing:
        return ""
    text = (
        f"How much each dimension separates the best third from the rest (PED-ANOVA), from "
        f"{count_text(info.trials, 'trial')} of equal budget"
    )
    if info.all_trials > info.trials:
        text += f" out of {info.all_trials:,}"
    text += ". Shares add up to 100 % whether or not anything mattered"
    if info.trials < SURE_TRIALS:
        text += f"; with {info.trials} trials take the order as a hint"
    if info.constant:
        text += f". Without a bar, as they took one value only: {', '.join(info.constant)}"
    return text + "."


def table(info: ImportanceInfo) -> pd.DataFrame:
    """Share per dimension."""
    rows = [(name, f"{share:.1%}") for name, share in info.shares]
    return pd.DataFrame(rows, columns=["dimension", "share"])
