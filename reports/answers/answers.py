"""The answer to a study's question: what each of its dimensions does, as data and in sentences.

Claims are made only where the design supports them: paired differences of a compared design, a fit
of all dimensions together for a search, from trials of equal budget. All p values of a sweep are
adjusted together (Holm), so that at most one sweep in twenty says anything false.
"""

import math
from typing import Any

import pandas as pd

from colornet.cli_result import count_text
from colornet.config.columns import KNOWN_COSTS
from reports.analysis.decision import Decision
from reports.answers.answer import VERDICTS, Answer
from reports.answers.compare import compare_answers
from reports.answers.search import SPREAD_SHARE, search_answers
from reports.format import (
    fixed_text,
    interval_text,
    json_number,
    listed,
    p_text,
    percent_text,
    with_unit,
)
from reports.tables import Column, SweepTables
from search.core.ranking import deciding_metric

MARGIN = 0.08
"""Of the scale of the interval bars, left free at both ends."""


def answers(sweep: SweepTables, decision: Decision | None = None) -> tuple[Answer, ...]:
    """What the sweep says about each dimension, in the study's order; never from a bare ranking.

    In the metric that decides; with several objectives and none that decides, in the first one.
    """
    column = answered_column(sweep, decision)
    rows = counted(sweep, column)
    made = compare_answers if _compared(sweep) else search_answers
    return tuple(made(sweep, rows, column))


def answered_column(sweep: SweepTables, decision: Decision | None) -> Column:
    """The metric that the answers are about: that which decides.

    What a picture costs is known before anything is trained: where that decides, the question is
    what the settings do to the first objective that has to be measured.
    """
    column = decision.column if decision else sweep.leading
    if column.name not in KNOWN_COSTS:
        return column
    return next((one for one in sweep.objectives if one.name not in KNOWN_COSTS), column)


def counted(sweep: SweepTables, column: Column) -> pd.DataFrame:
    """Trials of the search or comparison, without confirmations: point, seed, state, kind and value
    (as of `SweepTables.outcomes`)."""
    rows = sweep.outcomes(column.name)[["state", "kind", "value"]]
    return rows.join(sweep.searched[["point", "seed"]])


def _compared(sweep: SweepTables) -> bool:
    return sweep.records.study.get("design") == "compare"


def headline(
    found: tuple[Answer, ...], sweep: SweepTables, decision: Decision | None = None
) -> str:
    """The study's question answered as a whole: what matters, what it should be, what is open."""
    if not found:
        return "The study varies nothing, so there is nothing to answer."
    label = answered_column(sweep, decision).label
    if len(found) == 1:
        return f"{found[0].dimension}: {found[0].sentence}"
    parts = []
    matter = [one for one in found if one.verdict in ("effect", "depends")]
    matter.sort(key=lambda one: -abs(one.estimate) if math.isfinite(one.estimate) else math.inf)
    if matter:
        names = [f"{one.dimension} ({one.setting})" if one.setting else one.dimension
                 for one in matter]  # fmt: skip
        parts.append(f"What matters for {label}: {listed(names)}.")
    else:
        parts.append(f"No dimension is shown to matter for {label}.")
    for verdict, lead in (("equivalent", "No visible effect"), ("unclear", "Not enough data")):
        if names := [one.dimension for one in found if one.verdict == verdict]:
            parts.append(f"{lead}: {listed(names)}.")
    return " ".join(parts)


def caption(found: tuple[Answer, ...], sweep: SweepTables, decision: Decision | None = None) -> str:
    """What the answers rest on, and how sure they are."""
    column = answered_column(sweep, decision)
    kinds = counted(sweep, column)["kind"].value_counts()
    scored = int(kinds.get("scored", 0))
    trials = count_text(scored, "trial")
    first = len(sweep.objectives) > 1 and deciding_metric(sweep.records.study) is None
    about = f"the first objective, {column.label}," if first else column.label
    parts = [f"About {about} after the full budget, from {trials} of equal budget."]
    if partial := int(kinds.get("partial", 0)):
        parts.append(f"{count_text(partial, 'shorter training')} not counted.")
    parts.append("Intervals are 95 %; p is adjusted for everything asked here (Holm).")
    if _compared(sweep):
        parts.append("Differences are between trainings of the same seed.")
    else:
        parts.append(
            "Each dimension's effect is that with the other dimensions as they were tried, from a "
            "fit of all together; outliers count only as much as the limit of what is usual."
        )
        if not sweep.records.study.get("difference"):
            parts.append(
                f"What matters: {percent_text(SPREAD_SHARE)} of the trials' standard deviation."
            )
    return " ".join(parts)


def answers_data(
    found: tuple[Answer, ...], sweep: SweepTables, decision: Decision | None = None
) -> dict[str, Any]:
    """The same as JSON-able data."""
    column = answered_column(sweep, decision)
    numbers = ("estimate", "low", "high", "n", "p", "needed")
    return {
        "question": sweep.records.study.get("question"),
        "answer": headline(found, sweep, decision),
        "column": column.name,
        "unit": column.unit,
        "basis": caption(found, sweep, decision),
        "dimensions": [
            {**one._asdict(), **{name: json_number(getattr(one, name)) for name in numbers}}
            for one in found
        ],
    }


def answers_view(
    found: tuple[Answer, ...], sweep: SweepTables, decision: Decision | None = None
) -> dict[str, Any]:
    """What answers.html.j2 shows: texts, and the interval bars in percent of a common scale."""
    column = answered_column(sweep, decision)
    ends = [v for one in found for v in (one.low, one.high, one.estimate) if math.isfinite(v)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = MARGIN * (high - low)
    low, high = low - room, high + room
    return {
        "headline": headline(found, sweep, decision),
        "caption": caption(found, sweep, decision),
        "unit": with_unit("", column),
        "label": column.label,
        "rows": [_row(one, column, low, high) for one in found],
    }


def _row(one: Answer, column: Column, low: float, high: float) -> dict[str, Any]:
    def place(value: float) -> str:
        return fixed_text(100 * (value - low) / (high - low), 1)

    bar = None
    if all(map(math.isfinite, (one.estimate, one.low, one.high))) and high > low:
        width = fixed_text(100 * (one.high - one.low) / (high - low), 1)
        numbers = {"at": one.estimate, "low": one.low, "zero": 0.0}
        bar = {name: place(value) for name, value in numbers.items()} | {"width": width}
    return {
        "dimension": one.dimension,
        "verdict": one.verdict,
        "class": one.verdict.replace(" ", "-"),
        "chip": VERDICTS[one.verdict],
        "sentence": one.sentence,
        "contrast": one.contrast.replace(" - ", " − "),
        "numbers": interval_text(one.estimate, one.low, one.high, signed=True) if bar else "",
        "p": p_text(one.p, "= "),
        "count": count_text(one.n, one.counted.removesuffix("s")),
        "bar": bar,
    }
