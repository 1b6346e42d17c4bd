"""Rates as the budget is spent: their corners, and that nothing but pictures seen counts."""

from math import cos, nan, pi
from typing import Any, get_args

import pytest

from colornet.config.sections.optimizer import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    Linear,
    Plateau,
    ScheduleConfig,
    Step,
)
from colornet.training.schedules import rate_factor

KINDS = [
    variant(kind=get_args(variant.model_fields["kind"].annotation)[0])
    for variant in get_args(SCHEDULES)
]


def factors(options: ScheduleConfig, total: int = 1000) -> list[float]:
    """At 0, 1, … pictures, up to the end of the budget."""
    return [rate_factor(options, seen, total, []) for seen in range(total + 1)]


def after(options: ScheduleConfig, errors: list[float | None]) -> float:
    """With these errors in the ticks so far."""
    return rate_factor(options, 500, 1000, [{"val_ab_mae": error} for error in errors])


def ids(options: Any) -> str:
    return options.kind


@pytest.mark.parametrize("options", KINDS, ids=ids)
def test_rates_rise_to_the_full_rate_and_never_again(options: Any) -> None:
    options = options.model_copy(update={"warmup": 0.2})
    rates = factors(options)
    assert 0 < rates[0] < 0.01
    assert rates[:200] == sorted(rates[:200])
    assert rates[199] == pytest.approx(1, abs=0.01)
    assert rates[200] == 1
    assert rates[200:] == sorted(rates[200:], reverse=True)


@pytest.mark.parametrize("options", KINDS, ids=ids)
def test_no_warmup_begins_with_the_full_rate(options: Any) -> None:
    assert factors(options.model_copy(update={"warmup": 0.0}))[0] == 1


@pytest.mark.parametrize("options", KINDS, ids=ids)
def test_rates_go_by_the_share_of_the_budget(options: Any) -> None:
    """The same training with ten times the pictures has the same rates at the same shares."""
    for share in (0.3, 0.6, 0.9, 1.0):
        short = rate_factor(options, round(1000 * share), 1000, [])
        assert rate_factor(options, round(10_000 * share), 10_000, []) == pytest.approx(short)


@pytest.mark.parametrize("options", KINDS, ids=ids)
def test_a_batch_beyond_the_budget_has_the_last_rate(options: Any) -> None:
    assert rate_factor(options, 1024, 1000, []) == rate_factor(options, 1000, 1000, [])


@pytest.mark.parametrize("options", KINDS, ids=ids)
@pytest.mark.parametrize("warmup", [0.0, 0.5])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_rates_stay_between_their_floor_and_the_full_rate(
    options: Any, warmup: float, floor: float
) -> None:
    """Through the whole budget and a batch beyond it, and however often nothing became better."""
    floors = {"floor": floor} if "floor" in type(options).model_fields else {}
    options = options.model_copy(update={"warmup": warmup, **floors})
    bad = [{"val_ab_mae": 5.0}] * 40
    for history in ([], bad):
        rates = [rate_factor(options, seen, 1000, history) for seen in range(1032)]
        assert all(0 <= rate <= 1 for rate in rates)
        assert min(rates[round(1000 * warmup) :]) >= floors.get("floor", 0) - 1e-12


def test_constant() -> None:
    assert factors(Constant(kind="constant", warmup=0.1))[100:] == [1.0] * 901


def test_one_drop() -> None:
    """README 004: after 82 epochs of 100."""
    rates = factors(Step(kind="step", warmup=0, factor=0.2))
    assert rates == [1.0] * 820 + [0.2] * 181


def test_exponential_falls_by_its_factor_down_to_its_floor() -> None:
    options = Exponential(kind="exponential", warmup=0.1, every=0.2, factor=0.1, floor=0.005)
    rates = factors(options)
    assert [rates[seen] for seen in (300, 500)] == pytest.approx([0.1, 0.01])
    assert rates[561:] == [0.005] * 440


def test_linear() -> None:
    """pix2pix: half of the training, then down to 0."""
    rates = factors(Linear(kind="linear", warmup=0))
    assert rates[:501] == [1.0] * 501
    assert rates[750] == pytest.approx(0.5)
    assert rates[1000] == 0
    assert factors(Linear(kind="linear", warmup=0, floor=0.2))[750] == pytest.approx(0.6)


def test_cosine() -> None:
    rates = factors(Cosine(warmup=0))
    assert rates[250] == pytest.approx((1 + cos(pi / 4)) / 2)
    assert rates[1000] == pytest.approx(0)
    rates = factors(Cosine(warmup=0.2, floor=0.1))
    assert rates[600] == pytest.approx(0.55)
    assert rates[1000] == pytest.approx(0.1)


PLATEAU = Plateau(kind="plateau", patience=2, factor=0.5, warmup=0)


@pytest.mark.parametrize(
    ("errors", "drops"),
    [
        ([], 0),
        ([5], 0),
        ([5, 4, 3, 2, 1], 0),
        ([5, 6], 0),
        ([5, 6, 7], 1),
        ([5, 5, 5], 1),
        ([5, 6, 4, 6], 0),
        ([5, 6, 4, 6, 6], 1),
        ([5, 6, 6, 6], 1),
        ([5, 6, 6, 6, 6], 2),
        ([5, 6, 6, 4, 6, 6], 2),
        ([5, 6, 6, 5.5, 4], 1),
        ([5, None, 6], 1),
        ([nan, nan, 5, 6], 1),
    ],
)
def test_plateau_drops_after_patience(errors: list[float | None], drops: int) -> None:
    assert after(PLATEAU, errors) == 0.5**drops


def test_plateau_has_a_floor_and_missing_columns_are_no_best() -> None:
    options = PLATEAU.model_copy(update={"patience": 1, "floor": 0.1})
    assert after(options, [5.0] * 9) == 0.1
    assert rate_factor(options, 500, 1000, [{}, {"tick": 2}]) == 0.25


def test_only_plateau_looks_at_the_history() -> None:
    history = [{"val_ab_mae": 5.0}] * 9
    for options in KINDS:
        same = rate_factor(options, 500, 1000, history) == rate_factor(options, 500, 1000, [])
        assert same is (options.kind != "plateau")
