"""Two dimensions together: exact cells."""

import pytest

from reports.charts.interactions import BINS, Cell, caption, draw, each, prepare, table

LR, LOSS, WIDTH = "optimizer.generator_lr", "loss.adversarial", "generator.width"
RATE = {"type": "loguniform", "low": 1e-5, "high": 1.0}
CHOICE = {"type": "choice", "choices": ["bce", "hinge"]}
SPACE = {LR: RATE, LOSS: CHOICE}


def test_no_trial_and_one_dimension_have_no_pair(build) -> None:
    assert each(build(SPACE).tables()) == []
    single = build({LOSS: CHOICE}, name="single")
    single.trial({LOSS: "bce"}, 9.0)
    single.trial({LOSS: "hinge"}, 8.0)
    assert each(single.tables()) == []


def test_unknown_pair(build) -> None:
    with pytest.raises(KeyError):
        prepare(build(SPACE).tables(), pair="a × b")


def test_only_failed_ones_have_no_cells_in_color(build) -> None:
    sweep = build(SPACE)
    for rate in (1e-4, 1e-3):
        sweep.trial({LR: rate, LOSS: "bce"}, None, "failed")
    info = prepare(sweep.tables(), pair=f"{LR} × {LOSS}")
    assert info.missing
    assert info.cells == (Cell(0, 0, None, None, 0, 1), Cell(1, 0, None, None, 0, 1))


def test_medians_means_and_counts(build) -> None:
    sweep = build(SPACE)
    for value in (1.0, 2.0, 6.0):
        sweep.trial({LR: 1e-4, LOSS: "bce"}, value)
    sweep.trial({LR: 1e-2, LOSS: "hinge"}, 4.0)
    sweep.trial({LR: 1e-2, LOSS: "hinge"}, 9.0, "diverged", ticks=1)
    sweep.trial({LR: 1e-4, LOSS: "hinge"}, 0.1, "pruned", ticks=1)
    info = prepare(sweep.tables(), pair=f"{LR} × {LOSS}")
    assert (info.columns, info.rows) == (("0.0001", "0.01"), ("bce", "hinge"))
    assert info.cells == (Cell(0, 0, 2.0, 3.0, 3, 0), Cell(1, 1, 4.0, 4.0, 1, 1))
    assert caption(info) == (
        "Median ab MAE of each combination and its number n of trials, from 4 trials of equal "
        "budget; pale with a dotted edge where there are fewer than 3; 3/4: of 4 there one failed, "
        "in all 1. Empty cells were not tried."
    )
    assert table(info)["trials"].tolist() == [3, 1]


def test_few_trials_are_pale_and_framed(build) -> None:
    sweep = build(SPACE)
    for _ in range(3):
        sweep.trial({LR: 1e-4, LOSS: "bce"}, 2.0)
    sweep.trial({LR: 1e-2, LOSS: "hinge"}, 4.0)
    figure = draw(prepare(sweep.tables(), pair=f"{LR} × {LOSS}"))
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [trace.opacity for trace in heats] == [1, 0.35]
    assert [trace.text.tolist() for trace in heats] == [
        [["2<br>n 3", ""], ["", ""]],
        [["", ""], ["", "4<br>n 1"]],
    ]
    assert len(figure.layout.shapes) == 1


def test_many_values_are_put_into_equal_ratios(build) -> None:
    sweep = build(SPACE)
    rates = [1e-5, 1.1e-5, 1e-4, 1.1e-4, 1e-3, 2e-2, 1.0]
    for rate in rates:
        sweep.trial({LR: rate, LOSS: "bce"}, 1.0)
    sweep.trial({LR: 1e-5, LOSS: "hinge"}, 1.0)
    info = prepare(sweep.tables(), pair=f"{LOSS} × {LR}")
    assert info.rows == (
        "1e-05 – 0.0001",
        "0.0001 – 0.001",
        "0.001 – 0.01",
        "0.01 – 0.1",
        "0.1 – 1",
    )
    assert len(info.rows) == BINS
    counts = {(cell.x, cell.y): cell.trials for cell in info.cells}
    assert sum(counts.values()) == 8
    assert {y for _, y in counts} == {0, 1, 2, 3, 4}


def test_whole_numbers_have_whole_parts(build) -> None:
    width = {"type": "int", "low": 1, "high": 10}
    sweep = build({WIDTH: width, LOSS: CHOICE})
    for value in range(1, 11):
        sweep.trial({WIDTH: value, LOSS: ["bce", "hinge"][value % 2]}, float(value))
    info = prepare(sweep.tables(), pair=f"{WIDTH} × {LOSS}")
    assert info.columns == ("1 – 2", "3 – 4", "5", "6 – 7", "8 – 10")
    totals = [sum(c.trials for c in info.cells if c.x == x) for x in range(5)]
    ends = [text.split(" – ") for text in info.columns]
    assert totals == [int(pair[-1]) - int(pair[0]) + 1 for pair in ends]


@pytest.mark.parametrize(
    ("kind", "step", "columns"),
    [
        ("int", 8, ("8 – 16", "24 – 32", "40", "48 – 56", "64 – 80")),
        ("uniform", 0.5, ("0.5 – 1", "1.5 – 2", "2.5", "3 – 3.5", "4 – 5")),
    ],
)
def test_parts_begin_and_end_with_a_step(
    build, kind: str, step: float, columns: tuple[str, ...]
) -> None:
    low, high = step, 10 * step
    sweep = build({WIDTH: {"type": kind, "low": low, "high": high, "step": step}, LOSS: CHOICE})
    for place in range(10):
        point = {WIDTH: low + place * step, LOSS: ["bce", "hinge"][place % 2]}
        sweep.trial(point, float(place))
    info = prepare(sweep.tables(), pair=f"{WIDTH} × {LOSS}")
    assert info.columns == columns
    assert [sum(c.trials for c in info.cells if c.x == x) for x in range(5)] == [2, 2, 1, 2, 3]


def test_special_and_inactive_have_cells_of_their_own(build) -> None:
    weight = {"type": "loguniform", "low": 1, "high": 300, "special": 0, "when": {LOSS: ["bce"]}}
    sweep = build({LOSS: CHOICE, "loss.l1_weight": weight})
    sweep.trial({LOSS: "bce", "loss.l1_weight": 0}, 1.0)
    sweep.trial({LOSS: "bce", "loss.l1_weight": 10.0}, 2.0)
    sweep.trial({LOSS: "hinge"}, 3.0)
    info = prepare(sweep.tables(), pair=f"{LOSS} × loss.l1_weight")
    assert info.rows == ("not active", "0", "10")
    assert [(cell.x, cell.y, cell.median) for cell in info.cells] == [
        (0, 1, 1.0),
        (0, 2, 2.0),
        (1, 0, 3.0),
    ]


def test_many_categories_end_in_others(build) -> None:
    names = [f"kind{index}" for index in range(14)]
    sweep = build({"generator.kind": {"type": "choice", "choices": names}, LOSS: CHOICE})
    for index, name in enumerate(names):
        sweep.trial({"generator.kind": name, LOSS: ["bce", "hinge"][index % 2]}, 1.0)
    info = prepare(sweep.tables(), pair=f"generator.kind × {LOSS}")
    assert info.columns == (*names[:9], "others")
    assert sum(cell.trials for cell in info.cells if cell.x == 9) == 5


def test_pairs_begin_with_the_two_strongest(build) -> None:
    space = {f"loss.d{index}": {"type": "uniform", "low": 0, "high": 1} for index in range(7)}
    sweep = build(space)
    for index in range(40):
        point = {name: (index * (7 + 2 * place)) % 40 / 40 for place, name in enumerate(space)}
        sweep.trial(point, 3 * abs(point["loss.d4"] - 0.5) + abs(point["loss.d2"] - 0.5))
    tables = sweep.tables()
    pairs = [choice["pair"] for choice in each(tables)]
    assert len(pairs) == len(set(pairs)) == 10
    assert set(pairs[0].split(" × ")) == {"loss.d2", "loss.d4"}
    info = prepare(tables)
    assert f"{info.x} × {info.y}" == pairs[0]
