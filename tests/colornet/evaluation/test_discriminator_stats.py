"""What scores say, against values computed by hand and by scipy."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from colornet.config.sections.losses import GanLoss
from colornet.evaluation.discriminator_stats import (
    COLLAPSED,
    Scores,
    auroc,
    collapsed,
    discriminator_columns,
    loss_norm,
    overfits,
    r_v,
)
from colornet.training.losses import floor_and_equilibrium

NAN = float("nan")


def scores(*values: float) -> np.ndarray:
    return np.array(values)


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        ((2.0, 3.0), (0.0, 1.0), 1.0),
        ((0.0, 1.0), (2.0, 3.0), 0.0),
        ((1.0, 3.0), (2.0, 0.0), 0.75),
        ((1.0, 1.0, 1.0), (1.0, 1.0), 0.5),
        ((1.0, 2.0), (1.0,), 0.75),
        ((5.0,), (5.0,), 0.5),
        ((np.inf,), (1e300,), 1.0),
        ((np.inf,), (np.inf,), 0.5),
        ((-np.inf, 0.0), (-np.inf,), 0.75),
    ],
)
def test_auroc_by_hand(high: tuple[float, ...], low: tuple[float, ...], expected: float) -> None:
    assert auroc(scores(*high), scores(*low)) == expected


@pytest.mark.parametrize("seed", range(3))
def test_auroc_is_the_scaled_mann_whitney_statistic(seed: int) -> None:
    rng = np.random.default_rng(seed)
    high, low = rng.integers(0, 9, 40) + 1.0, rng.integers(0, 9, 57) * 1.0  # with many ties
    expected = mannwhitneyu(high, low).statistic / (40 * 57)
    assert auroc(high, low) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("high", "low"), [((), (1.0,)), ((1.0,), ()), ((NAN, 1.0), (0.0,))])
def test_auroc_of_nothing_or_of_no_numbers_is_unknown(
    high: tuple[float, ...], low: tuple[float, ...]
) -> None:
    assert auroc(scores(*high), scores(*low)) is None
    assert auroc(scores(*low), scores(*high)) is None


def test_every_column_by_hand() -> None:
    columns = discriminator_columns(
        Scores(
            real_train=scores(3.0, 2.0, 1.0, 2.0),
            real_val=scores(1.0, -1.0),
            fake_train=scores(-2.0, 0.0, 1.0),
            fake_val=scores(-2.0, 0.0),
            matched=scores(1.0, 0.0),
            mismatched=scores(0.5, -1.0),
        ),
        boundary=0.0,
    )
    assert columns == {
        "d_acc_real_train": 1.0,
        "d_acc_real_val": 0.5,
        "d_acc_fake_train": pytest.approx(2 / 3),
        "d_acc_fake_val": 1.0,  # a fake on the boundary is not called real
        "d_auc_val": 0.75,
        "d_gap": 2.0,
        "d_gap_auc": pytest.approx(7.5 / 8),
        "d_pair_auc": 0.75,
        "r_t": 1.0,
        "r_v": pytest.approx(2 / 3),
    }
    assert all(type(value) is float for value in columns.values())


def test_a_boundary_shifts_accuracies_and_signs_alone() -> None:
    given = Scores(scores(0.6, 0.4, 0.5), scores(0.6), scores(0.3), scores(0.7))
    at_zero, at_half = discriminator_columns(given, 0.0), discriminator_columns(given, 0.5)
    assert at_half["d_acc_real_train"] == pytest.approx(1 / 3)
    assert at_half["d_acc_fake_val"] == 0.0
    assert at_half["r_t"] == 0.0
    assert at_zero["r_t"] == 1.0
    shared = ("d_auc_val", "d_gap", "d_gap_auc", "r_v")
    assert all(at_zero[name] == at_half[name] for name in shared)


def test_a_critic_is_never_right_or_wrong() -> None:
    given = Scores(scores(9.0), scores(8.0), scores(-1.0), scores(-2.0))
    assert set(discriminator_columns(given, None)) == {"d_auc_val", "d_gap", "d_gap_auc", "r_v"}


@pytest.mark.parametrize("place", range(6))
def test_a_score_that_is_no_number_leaves_everything_open(place: int) -> None:
    values = [scores(1.0, 0.0) for _ in range(6)]
    values[place][1] = NAN
    assert discriminator_columns(Scores(*values), 0.0) == {}


def test_infinite_scores_are_in_order_but_have_no_mean() -> None:
    endless = scores(np.inf, 1.0)
    columns = discriminator_columns(Scores(endless, endless, -endless, -endless), 0.0)
    assert columns["d_auc_val"] == 1.0
    assert columns["d_acc_real_val"] == 1.0
    assert columns["d_gap"] is None
    assert columns["r_v"] is None


def test_r_v_is_0_without_memory_and_1_where_held_out_pictures_are_as_fakes() -> None:
    known, fakes = scores(1.0, 1.2, 0.8), scores(-1.0, -1.2, -0.8)
    assert r_v(known, known, fakes) == 0.0
    assert r_v(known, fakes, fakes) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("known", "fakes"),
    [
        ((1.0, -1.0), (0.9, -1.1)),  # within chance
        ((-1.0, -1.1), (1.0, 1.1)),  # the wrong way round
        ((0.0, 0.0), (0.0, 0.0)),
        ((1.0,), (0.0, 0.1)),
        ((1.0, 0.9), (0.0,)),
    ],
)
def test_r_v_has_no_scale_before_fakes_are_told_apart(
    known: tuple[float, ...], fakes: tuple[float, ...]
) -> None:
    assert r_v(scores(*known), scores(0.5), scores(*fakes)) is None


def test_where_a_loss_is_between_floor_and_chance() -> None:
    assert loss_norm(2.0, (2.0, 6.0)) == 0.0
    assert loss_norm(6.0, (2.0, 6.0)) == 1.0
    assert loss_norm(7.0, (2.0, 6.0)) == 1.25
    assert loss_norm(NAN, (2.0, 6.0)) is None
    assert loss_norm(1.0, None) is None


PUBLISHED = (0.33322, 0.33606, 0.32582, 0.32538, 0.32526, 0.32518, 0.32516)
"""Median discriminator loss (sum of both kinds) in the epochs of kundank78/Colorization_GAN."""


def test_a_published_collapse_is_seen_in_its_third_epoch() -> None:
    limits = floor_and_equilibrium(GanLoss(label_smoothing=0.1))
    norms = [loss_norm(total / 2, limits) for total in PUBLISHED]
    expected = [0.0077, 0.0104, 0.0007, 0.0003, 0.0002, 0.0001, 0.0001]
    assert norms == pytest.approx(expected, abs=5e-5)
    assert [collapsed(norms[: epoch + 1]) for epoch in range(7)] == [False] * 2 + [True] * 5


def test_a_collapse_stays() -> None:
    assert collapsed([0.5, COLLAPSED / 2, None, 0.9])


@pytest.mark.parametrize("norms", [[], [None], [1.0, COLLAPSED], [None, 0.3]])
def test_no_collapse(norms: list[float | None]) -> None:
    assert not collapsed(norms)


def test_more_than_chance_and_more_than_a_trifle_is_overfitting() -> None:
    assert overfits([0.9, 0.9, 0.9], 50, 80)
    assert overfits([0.61] * 3, 2000, 2000)
    assert not overfits([0.59] * 3, 2000, 2000)  # certain, but next to nothing
    assert not overfits([0.61] * 3, 50, 80)  # so much is chance


def test_a_few_pictures_say_little() -> None:
    limit = 0.5 + 3 * (33 / (12 * 16 * 16)) ** 0.5
    assert overfits([limit + 0.01], 16, 16)
    assert not overfits([limit - 0.01], 16, 16)
    assert not overfits([1.0], 1, 1)


def test_memory_is_a_mean_over_the_last_three_judged_ticks() -> None:
    assert not overfits([0.9, 0.5, 0.5, 0.5], 500, 500)
    assert overfits([0.5, 0.9, None, 0.9, None, 0.9], 500, 500)
    assert not overfits([0.5, 0.5, 0.75], 500, 500)
    assert not overfits([], 500, 500)
    assert not overfits([None, None], 500, 500)


def test_less_than_chance_is_no_memory() -> None:
    assert not overfits([0.1, 0.1, 0.1], 500, 500)
