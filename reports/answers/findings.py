"""What a report finds, as data: the decision, how sure it is, and what else would make it surer."""

from typing import Any

from reports.analysis.decision import Decision, decide, points_data
from reports.analysis.levels import compare, comparison_data
from reports.answers.answers import answers, answers_data
from reports.answers.decision_text import remedy, sureness
from reports.format import json_number
from reports.tables import SweepTables
from search.core.finished import counts_of
from search.records.reader import driver_of


def findings(sweep: SweepTables) -> dict[str, Any]:
    """The question, the decision and the answers of a sweep, JSON-able and without NaN."""
    decision = decide(sweep)
    study = sweep.records.study
    counts = counts_of(sweep.records, driven=driver_of(sweep.records.location) is not None)
    return {
        "question": study.get("question"),
        "states": counts.states,
        "confirming": counts.confirming,
        "decision": decision_data(sweep, decision) if decision else None,
        "answers": answers_data(answers(sweep, decision), sweep, decision),
    }


def decision_data(sweep: SweepTables, decision: Decision) -> dict[str, Any]:
    """Which configuration to take, by what, and how sure that is."""
    points = points_data(decision)
    compared = compare(sweep, decision)
    return {
        "by": decision.column.name,
        "judged_in": decision.judged.name,
        "basis": decision.basis,
        "proposed": points[decision.proposed],
        "ties": [point["trial"] for point in points if point["tie"]],
        "notes": sureness(decision, sweep),
        "overstated": json_number(decision.overstated),
        "remedy": remedy(decision, sweep),
        "compared": comparison_data(compared) if compared else None,
        "points": points,
    }
