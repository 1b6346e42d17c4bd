"""Dimensions: read, drawn, told back to the sampler, placed into a config."""

import itertools
import json
import math
import random
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler, TPESampler

from colornet.config.catalog import preset_values
from colornet.config.config import parse_config
from colornet.config.paths import flatten
from colornet.errors import InputError
from spaces.dimensions import Dimension, draw, in_order, place_point, point_id, sampler_params
from spaces.grid import levels
from spaces.parsing import parse_dimension

LR, WIDTH, LOSS = "optimizer.generator_lr", "generator.width", "loss.adversarial"
L1, SMOOTH = "loss.l1_weight", "loss.label_smoothing"
CLASSES = {
    "sea": {"data.classes": ["sea"]},
    "all": {"data.classes": None, "data.pictures": 40},
}


class FakeTrial:
    """Answers like an Optuna trial, from a seed, and notes what it was asked for."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.params: dict[str, Any] = {}

    def _note(self, name: str, value: Any) -> Any:
        assert name not in self.params
        self.params[name] = value
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        assert step is None
        if log:
            low, high = math.log(low), math.log(high)
        value = self.rng.uniform(low, high)
        return self._note(name, math.exp(value) if log else value)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        assert step == 1
        assert isinstance(low, int) and isinstance(high, int)
        return self._note(name, self.rng.randint(low, high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._note(name, self.rng.choice(list(choices)))


def read(spec: Any, name: str = LR) -> Dimension:
    return parse_dimension(name, spec, "mine")


def refused(spec: Any, name: str = LR) -> str:
    with pytest.raises(InputError) as caught:
        read(spec, name)
    assert str(caught.value).startswith(f"mine: space.{name}")
    assert len(str(caught.value).split("\n")) <= 3
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "spec", "dimension"),
    [
        (LR, {"uniform": [0, 1]}, Dimension(LR, "uniform", 0.0, 1.0)),
        (LR, {"loguniform": [1e-5, 1]}, Dimension(LR, "loguniform", 1e-5, 1.0)),
        (WIDTH, {"int": [4, 8]}, Dimension(WIDTH, "int", 4, 8)),
        (WIDTH, {"logint": [4.0, 64]}, Dimension(WIDTH, "logint", 4, 64)),
        (LOSS, {"choice": ["bce", "hinge"]}, Dimension(LOSS, "choice", choices=("bce", "hinge"))),
        (
            "pictures",
            {"bundle": CLASSES},
            Dimension("pictures", "bundle", choices=("sea", "all"), labels=CLASSES),
        ),
        (
            L1,
            {"loguniform": [1, 300], "or": 0},
            Dimension(L1, "loguniform", 1.0, 300.0, special=(0,)),
        ),
        (
            SMOOTH,
            {"uniform": [0.0, 0.3], "when": {LOSS: ["bce", "lsgan"], "a": 1}},
            Dimension(SMOOTH, "uniform", 0.0, 0.3, when={LOSS: ("bce", "lsgan"), "a": (1,)}),
        ),
    ],
)
def test_every_distribution_word(name: str, spec: Any, dimension: Dimension) -> None:
    found = read(spec, name)
    assert found == dimension
    assert [type(end) for end in (found.low, found.high)] == [
        type(end) for end in (dimension.low, dimension.high)
    ]
    assert Dimension.from_data(name, found.to_data()) == found


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (None, "no distribution"),
        ([1, 2], "no distribution"),
        ("uniform", "no distribution"),
        ({}, "needs one distribution"),
        ({"or": 0}, "needs one distribution"),
        ({"uniform": [0, 1], "int": [0, 1]}, "needs one distribution"),
        ({"uniformm": [0, 1]}, "unknown distribution word.\nDid you mean 'uniform'?"),
        (
            {"uniform": [0, 1], "steps": 2},
            "steps: unknown distribution word.\nDid you mean 'step'?",
        ),
        ({"uniform": [0, 1], "step": 2}, "step: 2: is longer than the range from 0 to 1"),
        ({"int": [8, 64], "step": 0}, "step: 0: is no number above 0"),
        ({"int": [8, 64], "step": -8}, "step: -8: is no number above 0"),
        ({"int": [8, 64], "step": None}, "step: None: is no number above 0"),
        ({"int": [8, 64], "step": True}, "step: True: is no number above 0"),
        ({"int": [8, 64], "step": "8"}, "step: '8': is no number above 0"),
        ({"int": [8, 64], "step": 0.5}, "step: 0.5: is no whole number.\nTake uniform."),
        ({"int": [8, 64], "step": 57}, "step: 57: is longer than the range from 8 to 64"),
        ({"logint": [8, 64], "step": 8}, "step: a logint takes none, as its distances are ratios"),
        ({"logint": [8, 64], "step": 1}, "step: a logint takes none"),
        ({"loguniform": [1, 64], "step": 0.5}, "step: a loguniform takes none"),
        ({"choice": [1, 2], "step": 1}, "step: stands beside a range"),
        ({"int": [8, 64], "step": 8, "or": 16}, "or: 16: lies in the range"),
        ({1: 2}, "unknown distribution word"),
        ({"uniform": 1}, "1: is no range.\nWrite [low, high]."),
        ({"uniform": []}, "is no range"),
        ({"uniform": [1]}, "is no range"),
        ({"uniform": [1, 2, 3]}, "is no range"),
        ({"uniform": {"low": 0, "high": 1}}, "is no range"),
        ({"uniform": ["0", 1]}, "'0': is text, not a number.\nWrite it without quotes."),
        ({"uniform": [0, None]}, "None: is no finite number"),
        ({"uniform": [0, True]}, "True: is no finite number"),
        ({"uniform": [0, math.nan]}, "nan: is no finite number"),
        ({"uniform": [-math.inf, 1]}, "-inf: is no finite number"),
        ({"uniform": [0, 10**400]}, "is no finite number"),
        ({"uniform": [1, 0]}, "[1, 0]: low is not below high.\nSwap or widen them."),
        ({"uniform": [1, 1]}, "low is not below high"),
        ({"loguniform": [0, 1]}, "a logarithmic range starts above 0"),
        ({"loguniform": [-1, 1]}, "a logarithmic range starts above 0"),
        ({"logint": [0, 4]}, "a logarithmic range starts above 0"),
        ({"int": [1, 2.5]}, "2.5: is no whole number"),
        ({"choice": []}, "is no list of values"),
        ({"choice": "relu"}, "is no list of values"),
        ({"choice": ["a", ["b"]]}, "['b']: is no plain value"),
        ({"choice": ["a", {"b": 1}]}, "is no plain value"),
        ({"choice": [1, 2, 1]}, "holds a value twice"),
        ({"choice": [1, 1.0]}, "holds a value twice: 1 and 1.0"),
        ({"choice": [0, 1, -0.0]}, "holds a value twice: 0 and -0.0"),
        ({"choice": [1e-3, 0.001]}, "holds a value twice"),
        ({"choice": [1, "1"]}, "holds a value twice: 1 and '1'"),
        ({"choice": [2.0, "2"]}, "holds a value twice: 2.0 and '2'"),
        ({"choice": [True, "true"]}, "holds a value twice"),
        ({"choice": [None, "null"]}, "holds a value twice"),
        ({"bundle": {True: {LR: 1e-3}}}, "true: is no text to YAML, but a bool.\nQuote the label"),
        ({"bundle": {None: {LR: 1e-3}}}, "null: is no text to YAML"),
        ({"bundle": {1: {LR: 1e-3}, "1": {LR: 1e-2}}}, "1 and '1': are one label"),
        ({"bundle": {"a": {LR: 1e-3}, "a ": {LR: 1e-2}}}, "'a' and 'a ': look alike.\nRename one"),
        (
            {"bundle": {"\u00e9": {LR: 1e-3}, "e\u0301": {LR: 1e-2}}},
            "bundle: '\\xe9' and 'e\\u0301': look alike",
        ),
        ({"bundle": {"a b": {LR: 1e-3}, "a\u00a0b": {LR: 1e-2}}}, "look alike"),
        ({"bundle": {"\u200b": {LR: 1e-3}}}, "is an empty label"),
        ({"choice": ["\u00e9", "e\u0301"]}, "holds a value twice"),
        ({"choice": [1, math.nan]}, "nan: is no plain value"),
        ({"choice": [1, 2], "or": 3}, "or: stands beside a range"),
        ({"bundle": {"a": {LR: 1}}, "or": "b"}, "or: stands beside a range"),
        ({"bundle": {}}, "is no mapping"),
        ({"bundle": ["a"]}, "is no mapping"),
        ({"bundle": {"a": {}}}, "bundle.a: sets nothing"),
        ({"bundle": {"a": None}}, "bundle.a: sets nothing"),
        ({"bundle": {"a": {"optimizer.lr": 1}}}, "bundle.a: optimizer.lr: no such config path"),
        ({"bundle": {"a": {3: 1}}}, "bundle.a: 3: no such config path"),
        ({"uniform": [0, 1], "when": []}, "no mapping"),
        ({"uniform": [0, 1], "when": LOSS}, "no mapping"),
        ({"uniform": [0, 1], "when": {LOSS: []}}, "when: loss.adversarial: names no value"),
        ({"uniform": [0, 1], "or": [2]}, "or: [2]: is no plain value"),
        ({"uniform": [0, 1], "or": math.nan}, "or: nan: is no plain value"),
        ({"uniform": [0, 1], "or": 0.5}, "or: 0.5: lies in the range"),
    ],
)
def test_what_is_no_distribution(spec: Any, said: str) -> None:
    assert said in refused(spec)


@pytest.mark.parametrize("name", ["optimizer.lr", "", "optimizer", "generator_lr", "version"])
def test_a_range_needs_a_config_path(name: str) -> None:
    assert "no such config path" in refused({"uniform": [0, 1]}, name)


@pytest.mark.parametrize("name", ["", " ", "training.batch_size:special", "a:b"])
def test_a_bundle_has_a_name_that_the_sampler_has_not(name: str) -> None:
    with pytest.raises(InputError, match="is no name for a bundle"):
        read({"bundle": CLASSES}, name)


@pytest.mark.parametrize(
    "name", ["state", "trial", "rank", "images", "val_ab_mae", "train_loss_l1"]
)
def test_a_bundle_is_not_called_as_what_is_recorded(name: str) -> None:
    """A table of trials would have two columns of that name."""
    with pytest.raises(InputError, match=f"space.{name}: is a column of what is recorded"):
        read({"bundle": CLASSES}, name)


@pytest.mark.parametrize(
    "spec",
    [
        {"uniform": [0, 1], "step": 1e-300},
        {"uniform": [0, 1], "step": 5e-324},
        {"uniform": [0, 1], "step": 9.9e-8},
        {"int": [0, 10**8], "step": 1},
    ],
)
def test_a_step_makes_no_more_values_than_can_be_told_apart(spec: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="makes more than 10,000,000 values") as caught:
        read(spec)
    assert len(str(caught.value).split("\n")) == 2


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"uniform": [0, 5e-324]}, "5e-324: is so near to 0"),
        ({"uniform": [0, 1e-301], "step": 1e-302}, "1e-301: is so near to 0"),
        ({"loguniform": [5e-324, 1]}, "5e-324: is so near to 0"),
        ({"uniform": [-1e308, 1e308], "step": 1e308}, "-1e+308: is so far from 0"),
        ({"uniform": [0, 1.7e308], "step": 1e308}, "1.7e+308: is so far from 0"),
        ({"loguniform": [1, 1e301]}, "1e+301: is so far from 0"),
        ({"int": [0, 10**300], "step": 2}, "is a whole number that no float tells from the next"),
        ({"int": [0, 2**53 + 1]}, "9007199254740993: is a whole number that no float tells"),
        ({"logint": [1, 10**20]}, "is a whole number that no float tells from the next"),
        ({"uniform": [1, 1.0000000000000002]}, "[1, 1.0000000000000002]: the ends are so close"),
        ({"loguniform": [1.5e-06, 1.5000000000000017e-06]}, "the ends are so close"),
        ({"uniform": [-1.0000001, -1]}, "the ends are so close"),
        ({"uniform": [1e6, 1e6 + 1e-9], "step": 1e-10}, "the ends are so close"),
    ],
)
def test_a_range_holds_numbers_that_can_be_told_apart(spec: dict[str, Any], said: str) -> None:
    assert said in refused(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"uniform": [0, 1e-300]},
        {"loguniform": [1e-300, 1e300]},
        {"int": [0, 2**53]},
        {"uniform": [0.99999, 0.999999]},
        {"loguniform": [1, 1.00001]},
    ],
)
def test_ranges_that_are_as_narrow_or_wide_as_may_be(spec: dict[str, Any]) -> None:
    assert read(spec).type in spec


@pytest.mark.parametrize(
    "spec",
    [
        {"uniform": [0.1, 1], "step": 1 / 30},
        {"uniform": [1e-9, 1e9], "step": 142857142.85714287},
        {"uniform": [0.2475, 0.99], "step": 0.37124999999999997},
    ],
)
def test_steps_add_up_to_numbers_that_are_kept(spec: dict[str, Any]) -> None:
    """Optuna takes another end where the last step is rounded: a number less."""
    found = refused(spec)
    assert f"step: {spec['step']}: adds up to numbers of more digits than are kept" in found


def test_optuna_ends_a_range_as_it_was_read() -> None:
    """Steps of as many digits as a float has, of which some are refused."""
    ends = []
    for low, parts in itertools.product([0, 0.1, 0.001, 1e-5], range(1, 41)):
        step = (1 - low) / parts
        try:
            high = read({"uniform": [low, 1], "step": step}).high
        except InputError as error:
            assert "adds up to numbers of more digits" in str(error)
        else:
            assert high is not None
            ends.append((high, FloatDistribution(low, high, step=step).high))
    assert [one for one, _ in ends] == [other for _, other in ends]
    assert len(ends) == 88


def test_a_short_step_is_one() -> None:
    assert read({"uniform": [0, 1], "step": 1e-7}).count == 10_000_001


@pytest.mark.parametrize("label", ["", " "])
def test_a_label_is_not_empty(label: str) -> None:
    with pytest.raises(InputError, match="is an empty label"):
        read({"bundle": {label: {"data.classes": None}}}, "pictures")


def test_a_bundle_has_a_name_of_its_own() -> None:
    assert read({"bundle": {"a": {LR: 1e-3}}}, "rates").changes("a") == {LR: 1e-3}


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        ({"uniform": [-1, 0]}, [-1, -1.0, 0, 0.0, -0.5], [0.01, -1.01, "0", None, True, math.nan]),
        ({"uniform": [0, 1]}, [0, 1, 1.0], [math.inf, -math.inf, False, [0], 10**400, -(10**400)]),
        ({"int": [0, 4]}, [0, 4, 4.0], [0.5, -1, 5, True, 10**400]),
        ({"uniform": [0.1, 0.3], "step": 0.1}, [0.1, 0.1 + 0.2, 0.3], [0.0, 0.4, 0.25, 10**400]),
        ({"uniform": [0.4, 0.5], "step": 0.1}, [0.4, 0.5], [0.3, 0.6, math.inf, math.nan]),
        ({"int": [8, 24], "step": 8}, [8, 16.0, 24], [0, 32, 12]),
        ({"loguniform": [1, 300], "or": 0}, [0, 0.0, 1, 300], [0.5, -1, False, None]),
        ({"uniform": [0.1, 1], "or": None}, [None, 0.1], [0, "None"]),
        ({"choice": [0.0, 0.5]}, [0.0, 0.5, 0], [0.25, "0.5", None, True, False]),
        ({"choice": [True, None, 1, "a"]}, [True, None, 1, "a"], [False, 0, "b", "True"]),
    ],
)
def test_contains(spec: Any, inside: list[Any], outside: list[Any]) -> None:
    dimension = read(spec)
    assert [value for value in inside if not dimension.contains(value)] == []
    assert [value for value in outside if dimension.contains(value)] == []


def test_labels_of_a_bundle_are_its_values() -> None:
    dimension = read({"bundle": CLASSES}, "pictures")
    assert dimension.contains("sea")
    assert not dimension.contains("forest")
    assert dimension.probes() == ["sea", "all"]


def test_labels_that_yaml_reads_as_numbers_are_text() -> None:
    dimension = read({"bundle": {32: {"data.image_size": 32}, 64: {"data.image_size": 64}}}, "size")
    assert dimension.choices == ("32", "64")


@pytest.mark.parametrize(
    ("spec", "probes"),
    [
        ({"uniform": [0, 2]}, [0.0, 2.0]),
        ({"loguniform": [1, 300], "or": 0}, [1.0, 300.0, 0]),
        ({"choice": [1, None]}, [1, None]),
        ({"int": [-3, 0]}, [-3, 0]),
    ],
)
def test_probes(spec: Any, probes: list[Any]) -> None:
    assert read(spec).probes() == probes


SPECS: dict[str, Any] = {
    SMOOTH: {"uniform": [0.0, 0.3], "when": {LOSS: ["bce", "lsgan"], "batch": "large"}},
    LR: {"loguniform": [1e-5, 1e-2]},
    LOSS: {"choice": ["bce", "lsgan", "hinge"]},
    L1: {"loguniform": [1, 300], "or": 0},
    WIDTH: {"logint": [4, 64], "when": {L1: 0}},
    "generator.depth": {"int": [1, 4]},
    "generator.dropout": {"uniform": [0.1, 0.5], "or": 0.0, "when": {WIDTH: [8, 16, 32]}},
    "batch": {
        "bundle": {
            "large": {"training.batch_size": 64},
            "small": {"training.batch_size": 8, "optimizer.beta1": 0.9},
        }
    },
    "optimizer.beta2": {"uniform": [-0.0, 0.0001]},
}
SPACE = in_order([parse_dimension(name, spec, "mine") for name, spec in SPECS.items()], "mine")


def test_parents_come_first_and_all_are_there_once() -> None:
    names = [dimension.name for dimension in SPACE]
    assert sorted(names) == sorted(SPECS)
    for dimension in SPACE:
        assert all(names.index(p) < names.index(dimension.name) for p in dimension.when)


def test_without_conditions_the_order_is_that_of_the_file() -> None:
    names = ["optimizer.beta2", LR, WIDTH]
    space = [Dimension(name, "uniform", 0.0, 1.0) for name in names]
    assert [one.name for one in in_order(space, "mine")] == names
    assert in_order([], "mine") == []


def choice(name: str, **when: str) -> Dimension:
    return Dimension(name, "choice", choices=("x", "y"), when={p: (v,) for p, v in when.items()})


def test_circles_are_named() -> None:
    circle = [choice("a", c="x"), choice("b", a="x"), choice("c", b="y")]
    with pytest.raises(InputError, match="go in a circle: a -> c -> b -> a"):
        in_order(circle, "mine")
    with pytest.raises(InputError, match="go in a circle: a -> a"):
        in_order([choice("a", a="x")], "mine")


def test_two_ways_to_one_parent_are_no_circle() -> None:
    space = [choice("d", b="x", c="x"), choice("b", a="x"), choice("c", a="x"), choice("a")]
    assert [one.name for one in in_order(space, "mine")] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("seed", range(60))
def test_a_drawn_point_obeys_its_conditions_and_is_told_back(seed: int) -> None:
    trial = FakeTrial(seed)
    point = draw(trial, SPACE)
    for dimension in SPACE:
        active = all(point.get(p) in values for p, values in dimension.when.items())
        assert (dimension.name in point) is active
        if active:
            assert dimension.contains(point[dimension.name])
    assert sampler_params(point, SPACE) == trial.params


def test_the_draws_reach_both_sides_of_every_condition() -> None:
    points = [draw(FakeTrial(seed), SPACE) for seed in range(200)]
    for name in SPECS:
        drawn = [point[name] for point in points if name in point]
        assert len({repr(value) for value in drawn}) > 1
    assert {point[L1] == 0 for point in points} == {True, False}
    assert any("generator.dropout" in point for point in points)


def test_part_of_a_point_as_parameters() -> None:
    assert sampler_params({}, SPACE) == {}
    assert sampler_params({L1: 0}, SPACE) == {f"{L1}:special": "special"}
    assert sampler_params({L1: 5.0, LR: 1e-3}, SPACE) == {
        f"{L1}:special": "range",
        L1: 5.0,
        LR: 1e-3,
    }


def test_a_special_value_is_told_from_an_equal_boolean() -> None:
    space = [parse_dimension(L1, {"loguniform": [1, 300], "or": 0}, "mine")]
    assert not space[0].contains(False)


PLAIN_POINTS = st.dictionaries(
    st.sampled_from(sorted(SPECS)),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    max_size=5,
)


@given(PLAIN_POINTS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_id_of_a_point_does_not_depend_on_order(point: dict[str, Any], rng: Any) -> None:
    items = list(point.items())
    rng.shuffle(items)
    assert point_id(dict(items)) == point_id(point)
    assert len(point_id(point)) == 12
    int(point_id(point), 16)


def test_different_points_have_different_ids() -> None:
    ids = {point_id(draw(FakeTrial(seed), SPACE)) for seed in range(200)}
    assert len(ids) == 200
    assert point_id({}) != point_id({LR: None})


def test_a_point_is_placed_into_the_base() -> None:
    base = preset_values("pix2pix-small")
    point = {LR: 5e-4, "batch": "small", LOSS: "hinge", SMOOTH: 0.0}
    values = place_point(base, point, SPACE)
    changed = {
        path: value for path, value in flatten(values).items() if flatten(base)[path] != value
    }
    assert changed == {
        LR: 5e-4,
        "optimizer.beta1": 0.9,
        "training.batch_size": 8,
        LOSS: "hinge",
        SMOOTH: 0.0,
    }
    parse_config(values, "mine")
    assert base == preset_values("pix2pix-small")
    assert place_point(base, {}, SPACE) == base


@pytest.mark.parametrize("place", [0.0, 0.25, 0.5, 0.999999])
def test_a_place_in_a_range_is_a_value_of_it(place: float) -> None:
    for dimension in (
        Dimension("a", "uniform", 2.0, 5.0),
        Dimension("b", "loguniform", 1e-5, 1e-1),
        Dimension("c", "int", 3, 6),
        Dimension("d", "logint", 1, 64),
        Dimension("e", "int", 0, 10**30),
    ):
        assert dimension.contains(dimension.quantile(place))


def test_places_are_fair() -> None:
    places = [(index + 0.5) / 1200 for index in range(1200)]
    whole = [Dimension("a", "int", 3, 6).quantile(place) for place in places]
    assert [whole.count(value) for value in (3, 4, 5, 6)] == [300] * 4
    assert Dimension("b", "loguniform", 1e-4, 1.0).quantile(0.5) == pytest.approx(1e-2)


STEPS = [
    ({"int": [8, 64], "step": 8}, list(range(8, 65, 8))),
    ({"int": [8, 60], "step": 8}, list(range(8, 57, 8))),
    ({"int": [-5, 5], "step": 5}, [-5, 0, 5]),
    ({"int": [1, 3], "step": 1}, [1, 2, 3]),
    ({"uniform": [0, 0.3], "step": 0.1}, [0.0, 0.1, 0.2, 0.3]),
    ({"uniform": [0.05, 1], "step": 0.25}, [0.05, 0.3, 0.55, 0.8]),
]


class TestSteps:
    @pytest.mark.parametrize(("spec", "values"), STEPS)
    def test_the_values_of_a_range(self, spec: dict[str, Any], values: list[float]) -> None:
        dimension = read(spec)
        assert dimension.count == len(values)
        assert levels(dimension) == pytest.approx(values)
        assert (dimension.low, dimension.high) == pytest.approx((values[0], values[-1]))
        assert all(dimension.contains(value) for value in values)
        assert [dimension.canonical(value) for value in values] == levels(dimension)
        between = [(one + other) / 2 for one, other in itertools.pairwise(values)]
        assert not any(dimension.contains(value) for value in between)
        assert dimension.count is not None
        assert dimension.probes() == [levels(dimension)[0], levels(dimension)[-1]]

    @pytest.mark.parametrize(("spec", "values"), STEPS)
    def test_optuna_draws_the_same_ones(self, spec: dict[str, Any], values: list[float]) -> None:
        dimension = read(spec)
        for sampler in (RandomSampler(seed=0), TPESampler(seed=0, n_startup_trials=3)):
            study = optuna.create_study(sampler=sampler)
            for number in range(40):
                trial = study.ask()
                value = draw(trial, [dimension])[LR]
                assert value in levels(dimension)
                study.tell(trial, float(number % 3))
            drawn = {trial.params[LR] for trial in study.trials}
            assert len(drawn) > 1
            (distribution,) = study.trials[0].distributions.values()
            assert (distribution.step, distribution.high) == (dimension.step, dimension.high)

    @pytest.mark.parametrize(("spec", "values"), STEPS)
    def test_places_are_fair(self, spec: dict[str, Any], values: list[float]) -> None:
        dimension, many = read(spec), 60 * len(values)
        drawn = [dimension.quantile((index + 0.5) / many) for index in range(many)]
        assert [drawn.count(value) for value in values] == [60] * len(values)

    def test_a_value_beside_and_data(self) -> None:
        dimension = read({"int": [8, 64], "step": 8, "or": 4})
        assert levels(dimension) == [4, *range(8, 65, 8)]
        data = dimension.to_data()
        assert data == {"type": "int", "low": 8, "high": 64, "step": 8, "special": 4}
        assert Dimension.from_data(LR, json.loads(json.dumps(data))) == dimension
        assert "step" not in read({"int": [8, 64]}).to_data()
        assert dimension.canonical(16.0) == 16 and isinstance(dimension.canonical(16.0), int)
