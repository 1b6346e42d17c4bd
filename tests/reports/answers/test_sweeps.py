"""Several sweeps beside each other: what may be compared, and what may be concluded."""

import json
from dataclasses import replace

import pytest

from colornet.errors import InputError
from reports.answers.sweeps import compare_sweeps, judged_alike, sweeps_data
from reports.commands import report
from reports.tables import SweepTables

from ..conftest import BASE_CONFIG

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def test_sweeps_without_a_trial(build) -> None:
    info = compare_sweeps([build(name="a").tables(), build(name="b").tables()])
    assert info.column is None
    assert info.pairs == ()
    assert info.warnings[:2] == ("a has measured nothing yet.", "b has measured nothing yet.")
    assert "no objective in common" in info.warnings[2]


def test_one_without_a_trial_keeps_the_others_from_nothing(build, build_confirmed) -> None:
    full = [build_confirmed(name, [5.0, 5.2, 5.1]) for name in ("a", "b")]
    info = compare_sweeps([build(name="none").tables(), *full])
    assert info.column is not None
    assert info.column.name == "val_ab_mae"
    assert info.warnings[0] == "none has measured nothing yet."
    assert [len(summary.scores) > 0 for summary in info.summaries] == [False, True, True]


def test_one_that_failed_beside_one_that_did_not(build, build_confirmed) -> None:
    failed = build(name="a")
    failed.trial({}, 12.0, "diverged")
    info = compare_sweeps([failed.tables(), build_confirmed("b", [6.0, 6.1, 6.2])])
    assert [summary.trial for summary in info.summaries] == ["", "t00000"]
    assert [pair.verdict for pair in info.pairs] == ["a: nothing to choose yet"]
    json.dumps(sweeps_data(info), allow_nan=False)


def test_a_difference_of_paired_seeds_is_seen_and_named(build_confirmed) -> None:
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    other = build_confirmed("b", [6.5, 7.51, 8.49])
    info = compare_sweeps([first, other])
    assert info.warnings == ()
    (pair,) = info.pairs
    difference = pair.difference
    assert difference.paired and difference.mean == pytest.approx(-0.5) and difference.p < 0.01
    assert pair.verdict == "a is better (3 seeds, paired by seed)"


def test_what_cannot_be_told_apart(build_confirmed) -> None:
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    other = build_confirmed("b", [8.1, 6.9, 6.2])
    (pair,) = compare_sweeps([first, other]).pairs
    assert pair.verdict == "cannot be told apart (3 seeds, paired by seed)"


def test_three_sweeps_are_adjusted_for_three_pairs(build_confirmed) -> None:
    values = {"a": [6.0, 7.0, 8.0], "b": [6.5, 7.52, 8.45], "c": [6.6, 7.4, 8.7]}
    sweeps = [build_confirmed(name, of_sweep) for name, of_sweep in values.items()]
    alone, together = (compare_sweeps(some).pairs[0].difference for some in (sweeps[:2], sweeps))
    assert together.p > alone.p


def test_single_trainings_are_not_enough(build) -> None:
    sweeps = []
    for name, value in (("a", 6.0), ("b", 9.0)):
        sweep = build(name=name)
        sweep.trial({LR: 1e-3}, value)
        sweeps.append(sweep.tables())
    (pair,) = compare_sweeps(sweeps).pairs
    assert pair.verdict.startswith("not enough data")


def test_nothing_is_concluded_across_different_pictures(build_confirmed) -> None:
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    evaluate_on = {"data.classes": ["sea"]}
    other = build_confirmed("b", [1.0, 2.0, 3.0], evaluate_on=evaluate_on)
    info = compare_sweeps([first, other])
    assert any("different pictures" in warning for warning in info.warnings)
    assert info.pairs[0].verdict.startswith("not comparable")
    assert ("judged on", True) in [(name, differs) for name, _, differs in info.facts]


def _judged(sweep: SweepTables, training: str, common: str, split: str = "content") -> SweepTables:
    """The sweep with pictures of these contents in its provenance."""
    data, evaluation = [{"content_hash": training}], {"content_hash": common}
    provenance = {"data": data, "data_hash": training, "evaluation": evaluation}
    base = {**BASE_CONFIG, "evaluate_on": {"source": "scenes", "split": split}}
    study = {**sweep.records.study, "base_config": base, "evaluate_on": {"data.split": split}}
    return replace(sweep, records=replace(sweep.records, study=study, provenance=provenance))


def test_what_judges_tells_and_not_what_is_trained_on(build_confirmed) -> None:
    plain = build_confirmed("a", [6.0, 7.0, 8.0])
    first, second = _judged(plain, "sea", "common"), _judged(plain, "land", "common")
    assert judged_alike([first, second], "eval_ab_mae")
    assert not judged_alike([first, second], "val_ab_mae")
    assert not judged_alike([first, _judged(plain, "sea", "other")], "eval_ab_mae")
    assert not judged_alike([first, _judged(plain, "sea", "common", "random")], "eval_ab_mae")
    assert not judged_alike([first, plain], "eval_ab_mae")
    assert judged_alike([plain, plain], "val_ab_mae")


def test_one_confirmed_and_one_not(build, build_confirmed) -> None:
    single = build(name="b")
    single.trial({LR: 1e-3}, 5.0)
    info = compare_sweeps([build_confirmed("a", [6.0, 7.0, 8.0]), single.tables()])
    assert any("not confirmed" in warning for warning in info.warnings)
    assert info.pairs[0].verdict.startswith("not comparable")


def test_other_objectives_and_budgets_are_warned_of(build_confirmed) -> None:
    base = {"data": {"source": "scenes"}, "training": {"images": 2000}}
    objectives = {"val_psnr": "maximize", "val_ab_mae": "minimize"}
    first = build_confirmed("a", [6.0, 7.0, 8.0])
    other = build_confirmed("b", [6.0, 7.0, 8.0], objectives=objectives, base_config=base)
    info = compare_sweeps([first, other])
    assert info.column is not None and info.column.name == "val_ab_mae"
    assert any("different objectives" in warning for warning in info.warnings)
    assert any("different numbers of pictures" in warning for warning in info.warnings)


def test_the_course_of_each_search(build) -> None:
    sweep = build(name="a")
    for value in (9.0, 7.0, 8.0):
        sweep.trial({LR: 1e-3}, value)
    other = build(name="b")
    other.trial({LR: 1e-3}, 5.0)
    info = compare_sweeps([sweep.tables(), other.tables()])
    assert info.summaries[0].best_so_far == ((10.0, 9.0), (20.0, 7.0), (30.0, 7.0))
    assert info.summaries[0].scores == (7.0, 8.0, 9.0)
    assert (info.summaries[0].spent, info.summaries[0].trials) == (30.0, 3)


def test_a_sweep_is_not_compared_with_itself(build) -> None:
    sweep = build(name="a")
    sweep.tables()
    with pytest.raises(InputError, match="named twice"):
        report(str(sweep.folder), f"{sweep.folder}/../a/")
