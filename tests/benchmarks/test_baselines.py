"""Peers search by their own rules and with equal pictures, and ours by the words of a task."""

import numpy as np
import pytest
from baselines import OPTUNA, Outcome, search_with_optuna
from experiments import Search, blind_regret, search, stopping_of, study_of
from landscapes import Additive, surface_named
from search_quality import LEAST, markdown, ratios
from surface import IMAGES, TICKS

from spaces.dimensions import Dimension
from spaces.study import Stopping

BUDGET = 14 * IMAGES


def dimensions_of(name: str) -> list[Dimension]:
    return study_of(0, space=surface_named(name).space).dimensions


class Failing(Additive):
    """Every training diverges."""

    def curve(self, point: object, seed: int, ticks: int = TICKS) -> np.ndarray:
        return np.full((ticks, 2), np.nan)


@pytest.fixture(params=OPTUNA)
def peer(request: pytest.FixtureRequest) -> str:
    if request.param == "cmaes":
        pytest.importorskip("cmaes")
    return request.param


def run(peer: str, surface: str, seed: int) -> Outcome:
    return search_with_optuna(surface_named(surface), dimensions_of(surface), seed, BUDGET, peer)


@pytest.mark.parametrize("surface", ["mixed", "colorization"])
def test_a_peer_spends_its_budget_and_is_the_same_again(peer: str, surface: str) -> None:
    found = run(peer, surface, 3)
    assert BUDGET <= found.images < BUDGET + IMAGES
    assert found.trials > 14 if peer == "hyperband" else found.trials == 14
    assert found == run(peer, surface, 3)
    assert found.point != run(peer, surface, 4).point


def test_a_peer_names_none_where_all_diverge(peer: str) -> None:
    found = search_with_optuna(Failing(), dimensions_of("additive"), 3, BUDGET, peer)
    assert found.point is None and found.trials >= 14


def test_peers_learn(peer: str) -> None:
    found = [run(peer, "branin-edge", seed) for seed in range(4)]
    regrets = [surface_named("branin-edge").regret(one.point or {}) for one in found]
    assert np.median(regrets) < blind_regret("branin-edge")


@pytest.mark.parametrize(
    "method", ["ours tpe none", "ours random asha", "ours tpe asha:0.1:3:promote"]
)
def test_ours_is_described_by_words(method: str) -> None:
    done = search((method, "curves", 8, 1000))
    assert 8 <= done.trainings < 9 and done.trials >= 8 and done.regret >= 0
    assert done == search((method, "curves", 8, 1000))


def test_words_of_stopping() -> None:
    assert stopping_of("none") == {"rule": "none"}
    assert stopping_of("asha:auto") == {"rule": "asha", "grace": "auto"}
    assert stopping_of("asha:0.1:3") == {"rule": "asha", "grace": 0.1, "factor": 3.0}
    assert stopping_of("asha:promote") == {"rule": "asha", "promote": True}
    whole = {"rule": "asha", "grace": 0.1, "factor": 3.0, "promote": True}
    assert stopping_of("asha:0.1:3:promote") == whole
    assert Stopping(**stopping_of("asha")) == Stopping(rule="asha", grace=0.5, factor=2)


def test_ratios_to_the_best_of_others() -> None:
    def of(*regrets: float) -> list[Search]:
        return [Search(regret, 24.0, 24) for regret in regrets]

    found = {
        ("a", "ours tpe none"): of(0.1, 0.2, 0.3),
        ("a", "optuna tpe"): of(0.4, 0.4, 0.4),
        ("a", "optuna gp"): of(0.5, 0.1, 0.9),
        ("b", "ours tpe none"): of(0.04, 0.04, 0.04),
        ("b", "optuna tpe"): of(0.001, 0.001, 0.001),
        ("b", "optuna gp"): of(1.0, 1.0, 1.0),
    }
    others = ("optuna tpe", "optuna gp")
    assert ratios(found, "ours tpe none", others) == {
        "a": pytest.approx(0.5), "b": pytest.approx(0.04 / LEAST)
    }  # fmt: skip
    lines = markdown(found).splitlines()
    assert lines[2] == ("| a | 0.200 (0.15–0.25), 3/3 | 0.400 (0.40–0.40) | 0.500 (0.30–0.70) |")
    assert lines[-1] == "| ÷ best of Optuna's, geometric mean | 1.41 | 1.00 | 11.18 |"
