"""A compared design, level by level."""

import json

import pytest

from reports.analysis.decision import decide
from reports.analysis.levels import Comparison, compare, comparison_data, comparison_tables

LOSS, DROPOUT = "loss.adversarial", "generator.dropout"
SPACE = {LOSS: {"type": "choice", "choices": ["bce", "lsgan", "hinge"]}}


def comparison(sweep) -> Comparison | None:
    tables = sweep.tables()
    decision = decide(tables)
    assert decision is not None
    return compare(tables, decision)


def compared(build, levels: dict[str, list[float | None]], **more) -> Comparison:
    more = {"difference": 0.5, **more}
    found = comparison(build(SPACE, design="compare", **more).compare(levels, LOSS))
    assert found is not None
    return found


def verdicts(found: Comparison) -> dict[str, str]:
    return {level.point[LOSS]: level.verdict for level in found.levels}


def test_a_search_has_no_levels(build) -> None:
    sweep = build()
    sweep.trial({LOSS: "bce"}, 9.0)
    assert comparison(sweep) is None


def test_awkward(awkward) -> None:
    decision = decide(awkward)
    found = compare(awkward, decision) if decision else None
    if found:
        json.dumps(comparison_data(found), allow_nan=False)
        widths = {len(row) for table in comparison_tables(found) for row in table}
        assert widths == {7}


def test_pairs_tell_apart_what_means_do_not(build) -> None:
    found = compared(build, {"bce": [1.0, 5.0, 9.0, 13.0], "hinge": [2.0, 6.1, 10.0, 14.0]})
    best, other = found.levels
    assert best.difference is None and best.verdict == "best"
    assert best.mean.high > other.mean.estimate
    assert other.difference is not None and other.difference.mean == pytest.approx(1.025)
    assert other.verdict == "worse"


def test_one_seed_is_not_enough_data(build) -> None:
    assert verdicts(compared(build, {"bce": [1.0], "hinge": [2.0]})) == {
        "bce": "best",
        "hinge": "not enough data",
    }


def test_how_many_would_show_the_difference(build) -> None:
    levels = {"bce": [1.0, 5.0, 9.0, 13.0, 2.0], "hinge": [1.5, 4.0, 10.0, 13.6, 2.2]}
    found = compared(build, levels)
    needed = found.levels[1].needed
    assert needed is not None and needed > 5
    assert found.levels[1].verdict == (
        f"not enough data: about {needed} replicates would show a difference of 0.5"
    )
    assert compared(build, levels, difference=None, name="s").levels[1].verdict == (
        "cannot be told from the best"
    )


def test_no_difference_that_matters(build) -> None:
    levels = {"bce": [1.0, 5.0, 9.0, 13.0], "hinge": [1.01, 5.02, 8.99, 13.0]}
    assert verdicts(compared(build, levels))["hinge"] == "within 0.5 of the best"


def test_a_sure_difference_may_be_too_small_to_matter(build) -> None:
    levels = {"bce": [1.0, 5.0, 9.0, 13.0], "hinge": [1.1, 5.1, 9.12, 13.11]}
    assert verdicts(compared(build, levels))["hinge"] == "worse, by less than 0.5"
    assert verdicts(compared(build, levels, difference=None, name="s"))["hinge"] == "worse"


def test_lost_trainings_are_shown_and_never_win(build) -> None:
    levels = {"bce": [9.0, 9.1, 9.2], "lsgan": [1.0, None, 1.2], "hinge": [None, None, None]}
    found = compared(build, levels)
    assert verdicts(found) == {
        "bce": "best",
        "lsgan": "better, but a training was lost",
        "hinge": "never finished",
    }
    assert [level.lost for level in found.levels] == [0, 1, 3]


def test_the_difference_of_the_study_is_in_its_own_metric(build) -> None:
    sweep = build(SPACE, design="compare", difference=0.5)
    for seed in (0, 1):
        for level, psnr in (("bce", 20.0), ("hinge", 20.1)):
            sweep.trial({LOSS: level}, 9.0, origin="compare", point_id=level, seed=seed,
                        metrics={"val_psnr": psnr + seed**2})  # fmt: skip
    tables = sweep.tables()
    found = compare(tables, decide(tables, "val_psnr"))
    assert found is not None and found.difference is None and found.column == "val_psnr"


def two_dimensions(build, lost: tuple[str, float, int] | None = None) -> Comparison:
    space = {**SPACE, DROPOUT: {"type": "choice", "choices": [0.0, 0.5]}}
    sweep = build(space, design="compare")
    for seed in range(4):
        for loss, more in (("bce", 0.0), ("hinge", 2.0)):
            for rate in (0.0, 0.5):
                gone = (loss, rate, seed) == lost
                value = 9.0 + seed**2 + more + rate + 0.01 * seed * more * rate
                sweep.trial({DROPOUT: rate, LOSS: loss}, value, "diverged" if gone else "completed",
                            origin="compare", point_id=f"{loss}{rate}", seed=seed)  # fmt: skip
    found = comparison(sweep)
    assert found is not None
    return found


@pytest.mark.parametrize("lost", [None, ("hinge", 0.5, 1)])
def test_main_effects_are_paired(build, lost: tuple[str, float, int] | None) -> None:
    found = two_dimensions(build, lost)
    assert list(found.dimensions) == [LOSS, DROPOUT]
    losses, rates = found.dimensions[LOSS], found.dimensions[DROPOUT]
    assert [level.point for level in losses] == [{LOSS: "bce"}, {LOSS: "hinge"}]
    assert losses[1].difference is not None and losses[1].mean.n == 4
    assert losses[1].difference.mean == pytest.approx(2.0, abs=0.02)
    assert rates[1].difference is not None
    assert rates[1].difference.mean == pytest.approx(0.5, abs=0.02)
    assert rates[1].verdict == losses[1].verdict == "worse"
    assert [level.lost for level in (*losses, *rates)] == ([0, 1, 0, 1] if lost else [0] * 4)


def test_a_level_that_lost_trainings_comes_after_those_that_lost_none(build) -> None:
    """Among the seeds that both finished they are alike; one of them did not finish the others."""
    space = {**SPACE, DROPOUT: {"type": "choice", "choices": [0.0, 0.5]}}
    sweep = build(space, design="compare")
    for seed in range(3):
        for loss in ("bce", "hinge"):
            for rate in (0.0, 0.5):
                gone = (loss, rate) == ("hinge", 0.0)
                sweep.trial({LOSS: loss, DROPOUT: rate}, 9.0 + seed**2,
                            "diverged" if gone else "completed", origin="compare",
                            point_id=f"{loss}{rate}", seed=seed)  # fmt: skip
    found = comparison(sweep)
    assert found is not None
    shown = [(level.point[DROPOUT], level.lost) for level in found.dimensions[DROPOUT]]
    assert shown == [(0.5, 0), (0.0, 3)]


def test_texts_name_settings_in_the_order_of_the_study(build) -> None:
    tables = comparison_tables(two_dimensions(build))
    assert [table[0][0] for table in tables] == [f"{LOSS}, {DROPOUT}", LOSS, DROPOUT]
    assert [row[0] for row in tables[0][1:]] == ["bce, 0", "bce, 0.5", "hinge, 0", "hinge, 0.5"]
