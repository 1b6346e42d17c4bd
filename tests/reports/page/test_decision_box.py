"""The best configurations on the page."""

from typing import Any

import pytest

from reports.analysis.decision import decide
from reports.page import gallery
from reports.page.decision_box import best
from reports.page.page import render
from reports.tables import SweepTables

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def shown_best(sweep: SweepTables) -> dict[str, Any]:
    return best(sweep, decide(sweep), gallery.prepare(sweep))


def confirmed(build) -> SweepTables:
    """#1 costs twice as much as #2, which cannot be told from it."""
    sweep = build()
    for index in range(8):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 5.0 + index, pictures=1)
    for point, values, seconds in (
        ("p0", [6.5, 7.5, 8.5], 10.0),
        ("p1", [6.6, 7.7, 8.5], 5.0),
        ("p2", [9.6, 10.4, 11.5], 1.0),
    ):
        index = int(point[1:])
        sweep.confirm(point, {LR: 1e-4 * (index + 1), LOSS: "bce"}, values, seconds=seconds)
    return sweep.tables()


def test_nothing_to_choose(build) -> None:
    assert "no trial" in shown_best(build().tables())["missing"].lower()


def test_the_one_that_is_taken_stands_in_front(build) -> None:
    shown = shown_best(confirmed(build))
    assert [row["rank"] for row in shown["rows"]] == [1, 2, 3]
    assert [row["tie"] for row in shown["rows"]] == [False, True, False]
    assert shown["taken"]["rank"] == 2 and shown["taken"]["n"] == 3
    score = shown["taken"]["scores"][0]
    assert score["label"] == "test ab MAE" and score["value"] == "7.600"
    assert score["interval"].startswith("[5.") and shown["replicated"]
    assert [command["text"].split()[1] for command in shown["commands"]] == ["best", "train"]
    assert "3 are confirmed" in shown["rule"]


def test_page_of_a_confirmed_search(build) -> None:
    html = render(confirmed(build))
    assert "cheaper than #1 and surely near the best" in html
    assert "Taken: #2, the cheapest of them" in html
    assert "Not confirmed" not in html


def test_unconfirmed_says_what_to_do(build) -> None:
    sweep = build()
    for index in range(8):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 5.0 + index)
    shown = shown_best(sweep.tables())
    assert shown["caveats"][0].startswith("Not confirmed: one lucky draw among 8")
    assert shown["commands"][0]["text"].endswith("--top 5 --replicates 3")
    assert shown["taken"]["scores"][0]["interval"] == ""


def test_page_of_a_compared_design(build) -> None:
    space = {LOSS: {"type": "choice", "choices": ["bce", "hinge", "lsgan"]}}
    sweep = build(space, design="compare", difference=0.5)
    levels = {"bce": [5.0, 6.0, 7.0], "hinge": [8.0, 9.1, 10.0], "lsgan": [None, None, None]}
    tables = sweep.compare(levels, LOSS, pictures=1).tables()
    (table,) = shown_best(tables)["levels"]
    assert [row[0] for row in table[1:]] == ["bce", "hinge", "lsgan"]
    html = render(tables)
    assert 'class="plain levels"' in html and "never finished" in html
    assert all(f"#{rank} {level}" in html for rank, level in [(1, "bce"), (2, "hinge")])


@pytest.mark.parametrize("evaluate_on", [None, {"data.source": "folder"}])
def test_other_metrics_are_of_the_common_pictures_where_there_are_some(build, evaluate_on) -> None:
    sweep = build(evaluate_on=evaluate_on)
    for index in range(3):
        sweep.trial({}, 5.0 + index, metrics={"val_psnr": 20.0, "eval_psnr": 30.0})
    (other,) = shown_best(sweep.tables())["rows"][0]["others"]
    assert other["value"] == ("30.00" if evaluate_on else "20.00")


def test_a_study_of_before_the_new_keys(build) -> None:
    tables = confirmed(build)
    for key in ("design", "constraints", "stopping", "confirm", "replicates", "difference",
                "trials", "evaluate_on"):  # fmt: skip
        del tables.records.study[key]
    assert "Taken: #2" in render(tables)


def test_the_recommended_one_brings_pictures_best_yaml_and_the_final_cost(build) -> None:
    sweep = build(final={"training.images": 5000})
    for index in range(3):
        sweep.trial({LR: 1e-4 * (index + 1), LOSS: "bce"}, 5.0 + index, pictures=6)
    shown = shown_best(sweep.tables())
    assert [pair["name"] for pair in shown["strip"]] == [f"picture {n}" for n in range(4)]
    assert (
        "images: 5000" in shown["yaml"] and "command: colorsweep train best.yaml" in shown["yaml"]
    )
    assert shown["final_cost"].startswith("Final training sees 5,000: about 50 s")


def test_a_final_that_does_not_fit_leaves_no_best_yaml_but_a_page(build) -> None:
    sweep = build(final={"training.imgaes": 5000})
    sweep.trial({LR: 1e-4, LOSS: "bce"}, 5.0)
    shown = shown_best(sweep.tables())
    assert shown["yaml"] == "" and "imgaes" in shown["unfit"]
    assert "No best.yaml:" in render(sweep.tables())
