"""p values of a whole sweep: dimensions first, then what is inside them."""

import math

import numpy as np
import pytest

from reports.analysis.multiplicity import gated, shaffer, simes


def test_one_p_of_several_tests_of_the_same() -> None:
    assert simes([0.04]) == 0.04
    assert simes([0.01, 0.5]) == pytest.approx(0.02)
    assert simes([0.03, 0.04]) == pytest.approx(0.04)
    assert simes([0.02, math.nan]) == 0.02
    assert math.isnan(simes([])) and math.isnan(simes([math.nan]))


def test_of_a_group_one_can_be_true() -> None:
    p = {("any", "a"): 0.01, ("same", "a"): 0.9, ("any", "b"): 0.04, ("same", "b"): 0.02}
    groups = {key: key[1] for key in p}
    adjusted = shaffer(p, groups)
    # Two groups are open until both of one are decided: .01 * 2, .02 * 2, then a alone has some.
    assert adjusted["any", "a"] == pytest.approx(0.02)
    assert adjusted["same", "b"] == pytest.approx(0.04)
    assert adjusted["any", "b"] == pytest.approx(0.08)
    assert adjusted["same", "a"] == pytest.approx(0.9)


def test_with_one_hypothesis_a_group_it_is_holm() -> None:
    p = {(name,): value for name, value in zip("abcd", (0.01, 0.04, 0.03, 0.005), strict=True)}
    adjusted = shaffer(p, {key: key[0] for key in p})
    assert [adjusted[key] for key in p] == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_inside_a_gate_that_is_not_passed_nothing_is_shown() -> None:
    gates = {("any", "a"): 0.2, ("any", "b"): 0.001}
    inside = {
        ("any", "a"): {("effect", "a", "0"): 1e-6},
        ("any", "b"): {("effect", "b", "0"): 0.01, ("effect", "b", "1"): 0.2},
    }
    p = gated(gates, {key: key[1] for key in gates}, inside)
    assert p["effect", "a", "0"] == pytest.approx(0.2)
    assert p["effect", "b", "0"] == pytest.approx(0.02) and p.is_significant("effect", "b", "0")
    assert p["effect", "b", "1"] == pytest.approx(0.2)


def test_what_could_not_be_tested_is_left_out() -> None:
    gates = {("any", "a"): math.nan, ("any", "b"): 0.01}
    inside = {("any", "a"): {("effect", "a", "0"): 0.001}, ("any", "b"): {("x",): math.nan}}
    p = gated(gates, {key: key[1] for key in gates}, inside)
    assert set(p) == {("any", "b")}
    assert math.isnan(p["effect", "a", "0"])
    assert gated({}, {}, {}) == {}


def test_false_claims_stay_below_one_in_twenty() -> None:
    """Eight dimensions without effect, each with a test that it does nothing and that it does much.

    Of each the first is true; contrasts inside rise and fall with the first test.
    """
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(2000):
        gates, inside = {}, {}
        for name in "abcdefgh":
            gates["any", name], gates["same", name] = rng.random(), rng.random() * 0.01
            inside["any", name] = {("effect", name, str(at)): rng.random() for at in range(2)}
        p = gated(gates, {key: key[1] for key in gates}, inside)
        wrong += any(p.is_significant(*key) for key in p if key[0] != "same")
    assert wrong / 2000 < 0.06
