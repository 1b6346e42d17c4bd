"""What sweeps asked, on which pictures, with which versions, and where they differ."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from colornet.cli_result import count_text
from reports.format import duration_text, value_text
from reports.tables import SweepTables


def facts_of(sweeps: Sequence[SweepTables]) -> list[tuple[str, tuple[str, ...], bool]]:
    """What each sweep asked, on what, with what, and what it took."""
    told = [_told(sweep) for sweep in sweeps]
    names = dict.fromkeys(name for one in told for name in one)
    rows = [(name, tuple(one.get(name, "–") for one in told)) for name in names]
    measured = ("trials", "training time", "card hours")
    return [
        (name, texts, name not in measured and len(set(texts)) > 1)
        for name, texts in rows
        if set(texts) != {"–"}
    ]


def _told(sweep: SweepTables) -> dict[str, str]:
    study, recorded = sweep.records.study, sweep.records.provenance
    base = study.get("base_config") or {}
    decides = study.get("decide") or {}
    states = ", ".join(f"{value_text(count)} {state}" for state, count in sweep.how_ended().items())
    values: dict[str, Any] = {
        "question": study.get("question"),
        "design": study.get("design"),
        "method": (base.get("loss") or {}).get("method"),
        "space": ", ".join(study.get("space") or {}) or None,
        "objectives": _words(study.get("objectives")),
        "decided by": decides.get("by"),
        "subject to": _words({**(decides.get("subject_to") or {}), **_constraints(study)}),
        "fixed": _words(study.get("fixed")),
        "judged on": evaluation_set(study),
        "pictures per training": budget_of(study),
        "sampler": study.get("sampler"),
        "stopping": (study.get("stopping") or {}).get("rule"),
        "study seed": study.get("seed"),
        "data": data_hash(recorded),
        "commit": recorded.get("git_commit"),
        **{f"{name} version": text for name, text in (recorded.get("packages") or {}).items()},
        "machine": recorded.get("host"),
        "trials": states,
        "training time": duration_text(float(sweep.trials["seconds"].sum())),
        "card hours": _card_hours(sweep),
    }
    return {name: value_text(value) for name, value in values.items() if value not in (None, "")}


def _constraints(study: Mapping[str, Any]) -> dict[str, Any]:
    return study.get("constraints") or {}


def _words(values: Mapping[str, Any] | None) -> str | None:
    return (
        ", ".join(f"{name} {value_text(value)}" for name, value in (values or {}).items()) or None
    )


def _card_hours(sweep: SweepTables) -> float | None:
    trials = sweep.records.trials
    if "gpus" not in trials or not trials["gpus"].fillna(0).any():
        return None
    return float((trials["gpus"] * sweep.trials["seconds"].to_numpy()).sum() / 3600)


def evaluation_set(study: Mapping[str, Any]) -> str:
    """The pictures that judge: the common ones, or each training's own."""
    if study.get("evaluate_on") is not None:
        return f"common pictures: {json.dumps(study['evaluate_on'], sort_keys=True)}"
    data = (study.get("base_config") or {}).get("data") or {}
    return f"held-out pictures of: {json.dumps(data, sort_keys=True)}"


def budget_of(study: Mapping[str, Any]) -> int | str | None:
    """Pictures seen by one training."""
    training = (study.get("base_config") or {}).get("training") or {}
    if (images := training.get("images")) is not None:
        return images
    epochs = training.get("epochs")
    return count_text(epochs, "epoch") if epochs is not None else None


def data_hash(provenance: Mapping[str, Any]) -> str | None:
    """What tells a sweep's pictures from others."""
    if (found := provenance.get("data_hash")) is not None:
        return str(found)
    hashes = [one.get("hash") for one in provenance.get("data") or () if isinstance(one, dict)]
    return ", ".join(str(one) for one in hashes if one) or None
