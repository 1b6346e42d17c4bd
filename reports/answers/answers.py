"""The answer to a study's question: what each of its dimensions does, as data and for the page.

Something is said only where the design supports it: paired differences of a compared design, a fit
of all dimensions together for a search, from trials of equal budget. All p values of a sweep are
adjusted together (Holm), so that at most one sweep in twenty says anything false.
"""

import math
from collections.abc import Sequence
from typing import Any

from colornet.cli_result import count_text
from colornet.config.columns import KNOWN_COSTS
from reports.analysis.best_regions import BestRegion
from reports.analysis.decision import Decision, cheaper_data, decide, points_data
from reports.analysis.least_difference import SPREAD_SHARE
from reports.analysis.levels import compare, comparison_data
from reports.analysis.stopped_trials import CountedTrials
from reports.answers.answer import VERDICTS, Answer, Answers
from reports.answers.compare import compare_answers
from reports.answers.earlier import learned_data
from reports.answers.recommendation import caveats, confirm_command
from reports.answers.search import search_answers, why_uncounted
from reports.format import (
    amount_text,
    fixed_text,
    interval_text,
    json_number,
    listed,
    p_text,
    percent_text,
    with_unit,
)
from reports.tables import Column, SweepTables
from search.core.finished import counts_of
from search.core.ranking import deciding_metric
from search.records.reader import driver_of

MARGIN = 0.08
"""Of the scale of the interval bars, left free at both ends."""


def report_data(sweep: SweepTables) -> dict[str, Any]:
    """The question, the decision and the answers of a sweep, JSON-able and without NaN."""
    decision = decide(sweep)
    counts = counts_of(sweep.records, driven=driver_of(sweep.records.location) is not None)
    return {
        "question": sweep.records.study.get("question"),
        "states": counts.states,
        "confirming": counts.confirming,
        "decision": _decision_data(sweep, decision) if decision else None,
        "answers": answers_data(answers(sweep, decision), sweep, decision),
        "learned_from": learned_data(sweep),
    }


def _decision_data(sweep: SweepTables, decision: Decision) -> dict[str, Any]:
    points = points_data(decision)
    compared = compare(sweep, decision)
    return {
        "by": decision.column.name,
        "judged_in": decision.judged.name,
        "basis": decision.basis,
        "proposed": points[decision.proposed],
        "cheaper": cheaper_data(decision),
        "ties": [point["trial"] for point in points if point["tie"]],
        "notes": caveats(decision, sweep),
        "overstated": json_number(decision.overstated),
        "remedy": confirm_command(decision, sweep),
        "compared": comparison_data(compared) if compared else None,
        "points": points,
    }


def answers(sweep: SweepTables, decision: Decision | None = None) -> Answers:
    """What the sweep says about each dimension, in the study's order; never from a bare ranking.

    In the metric that decides; with several objectives and none that decides, in the first one.
    """
    column = answered_column(sweep, decision)
    rows = sweep.outcomes(column.name)
    if not sweep.is_comparison:
        return search_answers(sweep, rows, column)
    scored = rows[rows["kind"] == "scored"]
    counted = CountedTrials(scored["point"].tolist(), scored["value"].to_numpy(dtype=float)[None])
    return Answers(tuple(compare_answers(sweep, rows, column)), counted)


def answered_column(sweep: SweepTables, decision: Decision | None) -> Column:
    """The metric that the answers are about: that which decides.

    What a picture costs is known before anything is trained: where that decides, the question is
    what the settings do to the first objective that has to be measured.
    """
    column = decision.column if decision else sweep.leading
    if column.name not in KNOWN_COSTS:
        return column
    return next((other for other in sweep.objectives if other.name not in KNOWN_COSTS), column)


def headline(made: Sequence[Answer], sweep: SweepTables, decision: Decision | None = None) -> str:
    """The study's question answered as a whole: what matters, what it should be, what is open."""
    if not made:
        return "The study varies nothing, so there is nothing to answer."
    if len(made) == 1:
        return f"{made[0].dimension}: {made[0].sentence}"
    label = answered_column(sweep, decision).label
    matter = [answer for answer in made if answer.verdict in ("effect", "depends")]
    matter.sort(key=lambda a: -abs(a.estimate) if math.isfinite(a.estimate) else math.inf)
    names = [f"{a.dimension} ({a.setting})" if a.setting else a.dimension for a in matter]
    parts = [f"No dimension is shown to matter for {label}."]
    if matter:
        parts = [f"What matters for {label}: {listed(names)}."]
    likely = [
        (max(region.chance for region in answer.regions), answer)
        for answer in made
        if answer.verdict == "likely"
    ]
    if likely:
        likely.sort(key=lambda bet: -bet[0])
        bets = [f"{a.dimension} {a.setting} ({percent_text(chance)})" for chance, a in likely]
        parts.append(f"Likely best, though not shown: {listed(bets)}.")
    for verdict, lead in (("equivalent", "No visible effect"), ("unclear", "Not enough data")):
        if names := [answer.dimension for answer in made if answer.verdict == verdict]:
            parts.append(f"{lead}: {listed(names)}.")
    return " ".join(parts)


def caption(made: Answers, sweep: SweepTables, decision: Decision | None = None) -> str:
    """What the answers rest on, and how sure they are."""
    column, counted = answered_column(sweep, decision), made.counted
    kinds = sweep.outcomes(column.name)["kind"].value_counts()
    trials = count_text(len(counted.points) - counted.stopped, "trial")
    first = len(sweep.objectives) > 1 and deciding_metric(sweep.records.study) is None
    about = f"the first objective, {column.label}," if first else column.label
    parts = [f"About {about} after the full budget, from {trials} of equal budget"]
    if counted.stopped:
        agreement = fixed_text(counted.agreement or 0.0, 2)
        parts[0] += (
            f" and {counted.stopped} that were stopped early, which count by what they had reached "
            f"(agreement {agreement} where the end is known)"
        )
    parts[0] += "."
    if counted.left_out:
        parts.append(f"{count_text(counted.left_out, 'more trial')} left out at random.")
    uncounted = int(kinds.get("partial", 0)) - counted.stopped
    if uncounted > 0 and not counted.left_out:
        why = f", as {why_uncounted(counted)}" if counted.uncounted else ""
        parts.append(f"{count_text(uncounted, 'shorter training')} not counted{why}.")
    parts.append("Intervals are 95%; p is adjusted for everything asked here (Holm).")
    if sweep.is_comparison:
        parts.append("Differences are between trainings of the same seed.")
        return " ".join(parts)
    parts.append(
        "Each dimension's effect is that with the other dimensions as they were tried, from a "
        "fit of all together; outliers count only as much as the limit of what is usual."
    )
    if any(answer.regions for answer in made.dimensions):
        parts.append(
            "Chances are those of the best setting lying in a region, by a Gaussian process of all "
            "trials, stopped ones by what they may have come to: bets, of which as many are won as "
            "they say."
        )
    if not sweep.records.study.get("difference"):
        share = percent_text(SPREAD_SHARE)
        parts.append(f"What matters: {share} of the trials' standard deviation.")
    return " ".join(parts)


def answers_data(
    made: Answers, sweep: SweepTables, decision: Decision | None = None
) -> dict[str, Any]:
    """The same as JSON-able data."""
    column, counted = answered_column(sweep, decision), made.counted
    numbers = ("estimate", "low", "high", "n", "p", "needed")
    return {
        "question": sweep.records.study.get("question"),
        "answer": headline(made.dimensions, sweep, decision),
        "column": column.name,
        "unit": column.unit,
        "basis": caption(made, sweep, decision),
        "counted": {
            "finished": len(counted.points) - counted.stopped,
            "stopped": counted.stopped,
            "agreement": json_number(counted.agreement),
        },
        "dimensions": [
            {
                **answer._asdict(),
                **{name: json_number(getattr(answer, name)) for name in numbers},
                "regions": [_region_data(region) for region in answer.regions],
            }
            for answer in made.dimensions
        ],
    }


def _region_data(best: BestRegion) -> dict[str, Any]:
    region = best.region
    return {
        "region": region.text,
        "kind": region.kind,
        "low": json_number(region.low),
        "high": json_number(region.high),
        "value": region.value,
        "chance": json_number(best.chance),
        "loss": json_number(best.loss),
    }


def answers_view(
    made: Answers, sweep: SweepTables, decision: Decision | None = None
) -> dict[str, Any]:
    """What answers.html.j2 shows: texts, and the interval bars in percent of a common scale."""
    column, rows = answered_column(sweep, decision), made.dimensions
    ends = [v for a in rows for v in (a.low, a.high, a.estimate) if math.isfinite(v)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = MARGIN * (high - low)
    return {
        "headline": headline(rows, sweep, decision),
        "caption": caption(made, sweep, decision),
        "unit": with_unit("", column),
        "label": column.label,
        "rows": [_row(answer, low - room, high + room, column) for answer in rows],
    }


def _row(answer: Answer, low: float, high: float, column: Column) -> dict[str, Any]:
    bar = None
    if all(map(math.isfinite, (answer.estimate, answer.low, answer.high))) and high > low:
        scale = 100 / (high - low)
        numbers = {"at": answer.estimate - low, "low": answer.low - low, "zero": 0.0 - low}
        numbers["width"] = answer.high - answer.low
        bar = {name: fixed_text(scale * value, 1) for name, value in numbers.items()}
    return {
        "dimension": answer.dimension,
        "verdict": answer.verdict,
        "class": answer.verdict.replace(" ", "-"),
        "chip": VERDICTS[answer.verdict],
        "sentence": answer.sentence,
        "contrast": answer.contrast.replace(" - ", " − "),
        "numbers": interval_text(answer.estimate, answer.low, answer.high, signed=True)
        if bar
        else "",
        "p": p_text(answer.p, "= "),
        "count": count_text(answer.n, answer.counted.removesuffix("s")),
        "bar": bar,
        "regions": [
            {
                "text": best.region.text,
                "percent": percent_text(best.chance),
                "width": fixed_text(100 * best.chance, 1),
                "loss": amount_text(best.loss, column) if math.isfinite(best.loss) else "",
                "best": best is max(answer.regions, key=lambda other: other.chance),
            }
            for best in answer.regions
        ],
    }
