"""What may change between a sweep's beginning and its going on."""

import copy
from typing import Any

import pytest

from colornet import provenance
from colornet.errors import InputError
from search.run.changes import Change, check_changes, code_changes, data_changes, study_changes

STUDY: dict[str, Any] = {
    "question": "q",
    "objectives": {"val_ab_mae": "minimize"},
    "seed": 0,
    "seeds": "shared",
    "design": "search",
    "replicates": 5,
    "sampler": "tpe",
    "budget": {"trials": 8},
    "trials": 8,
    "confirm": None,
    "stopping": {"rule": "none", "grace": 0.5},
    "fixed": {},
    "base_config": {"data": {"source": "scenes"}, "optimizer": {"beta1": 0.5}},
    "space": {
        "optimizer.generator_lr": {"type": "loguniform", "low": 1e-4, "high": 1e-2},
        "loss.l1_weight": {"type": "uniform", "low": 1.0, "high": 9.0, "special": 0},
        "loss.adversarial": {"type": "choice", "choices": ["bce", "lsgan"]},
        "pictures": {"type": "bundle", "labels": {"sea": {"data.classes": ["sea"]}}},
    },
}


def changed(path: tuple[str, ...], value: Any) -> list[Change]:
    after = copy.deepcopy(STUDY)
    place = after
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return study_changes(STUDY, after)


def test_nothing() -> None:
    assert study_changes(STUDY, copy.deepcopy(STUDY)) == []


LR = ("space", "optimizer.generator_lr")


@pytest.mark.parametrize(
    ("path", "value", "effect"),
    [
        (("question",), "another", "goes on"),
        (("budget", "trials"), 16, "goes on"),
        (("budget", "images"), 10_000, "goes on"),
        (("confirm",), {"top": 3, "replicates": 3}, "goes on"),
        (("replicates",), 6, "goes on"),
        (("replicates",), 4, "is refused"),
        (("sampler",), "random", "needs consent"),
        (("stopping", "rule"), "asha", "needs consent"),
        (("objectives",), {"val_ab_mae": "maximize"}, "is refused"),
        (("objectives",), {"val_psnr": "maximize"}, "is refused"),
        (("seed",), 1, "is refused"),
        (("seeds",), "fresh", "is refused"),
        (("design",), "compare", "is refused"),
        (("base_config", "data", "source"), "folder", "is refused"),
        (("base_config", "optimizer", "beta1"), 0.9, "is refused"),
        (("base_config", "evaluate_on"), {"source": "scenes"}, "is refused"),
        ((*LR, "high"), 1e-1, "needs consent"),
        ((*LR, "low"), 1e-5, "needs consent"),
        ((*LR, "high"), 1e-3, "is refused"),
        ((*LR, "type"), "uniform", "is refused"),
        ((*LR, "when"), {"loss.adversarial": ["bce"]}, "is refused"),
        (LR, KeyError, "is refused"),
        (("space", "generator.dropout"), {"type": "choice", "choices": [0.0]}, "is refused"),
        (("space", "loss.l1_weight", "special"), KeyError, "is refused"),
        (("space", "loss.adversarial", "choices"), ["bce", "lsgan", "hinge"], "needs consent"),
        (("space", "loss.adversarial", "choices"), ["bce"], "is refused"),
        (
            ("space", "pictures", "labels"),
            {"sea": {"data.classes": ["sea"]}, "all": {"data.classes": None}},
            "needs consent",
        ),
        (("space", "pictures", "labels", "sea"), {"data.classes": None}, "is refused"),
        (("something new",), 1, "is refused"),
    ],
)
def test_what_follows(path: tuple[str, ...], value: Any, effect: str) -> None:
    found = changed(path, value)
    assert {change.effect for change in found} == {effect}


def test_a_change_names_the_leaf() -> None:
    (found,) = changed(("base_config", "optimizer", "beta1"), 0.9)
    assert str(found) == "base_config.optimizer.beta1: 0.5 -> 0.9"
    (found,) = changed((*LR, "high"), 1e-1)
    assert str(found) == (
        "space.optimizer.generator_lr: loguniform [0.0001, 0.01] -> loguniform [0.0001, 0.1]"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("loss.l1_weight", "special"), KeyError),
        (("loss.l1_weight", "special"), 2),
        ((LR[1], "when"), {"loss.adversarial": ["bce"]}),
        (("loss.adversarial", "when"), {"pictures": ["sea"]}),
        (("pictures", "labels", "sea"), {"data.classes": None}),
        ((LR[1], "step"), 0.001),
    ],
)
def test_what_is_told_of_a_dimension_differs(path: tuple[str, ...], value: Any) -> None:
    """Two texts that are alike tell nobody what to put back."""
    (found,) = changed(("space", *path), value)
    before, after = str(found).removeprefix(f"{found.path}: ").split(" -> ")
    assert before != after


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fixed", {"optimizer.beta1": 0.9}),
        ("fixed", {"training.images": 64}),
        ("evaluate_on", {"data.classes": ["sea"]}),
    ],
)
def test_a_setting_that_no_trial_would_have_is_refused(key: str, value: dict[str, Any]) -> None:
    """They are told in a sweep's study, and trials are made from its base config."""
    (found,) = changed((key,), value)
    assert found.effect == "is refused"


def test_what_is_told_as_it_is_goes_on() -> None:
    assert changed(("fixed",), {"optimizer.beta1": 0.5}) == []
    told = {"evaluate_on": {"data.classes": ["sea"]}}
    judged = {**STUDY["base_config"], "evaluate_on": {"source": "scenes", "classes": ["sea"]}}
    before = {**STUDY, **told, "base_config": judged}
    more = {"evaluate_on": {"data.classes": ["sea"], "data.source": "scenes"}}
    assert study_changes(before, {**before, **more}) == []
    (found,) = study_changes(before, {**before, "evaluate_on": None})
    assert (found.path, found.effect) == ("evaluate_on.data.classes", "is refused")


def test_other_pictures_are_refused() -> None:
    then = {"data": [{"content_hash": "a" * 64}, {"content_hash": "b" * 64}]}
    same = [{"content_hash": "a" * 64}, {"content_hash": "b" * 64}]
    assert data_changes(then, same) == []
    assert data_changes({}, same) == []
    (found,) = data_changes(then, [same[0], {"content_hash": "c" * 64}])
    assert (found.path, found.effect) == ("pictures[1]", "is refused")
    (found,) = data_changes(then, same[:1])
    assert (found.path, found.effect) == ("pictures", "is refused")


def test_other_code_is_told() -> None:
    now = provenance.collect()
    assert code_changes(now) == []
    assert code_changes({}) == []
    packages = {**now["packages"], "torch": "1.0"}  # ty: ignore[invalid-argument-type]
    (found,) = code_changes({**now, "packages": packages})
    assert (found.path, found.before, found.effect) == ("packages.torch", "1.0", "goes on")


class TestCheck:
    FREE = Change("budget.trials", 8, 16, "goes on")
    ASKED = Change("sampler", "tpe", "random", "needs consent")
    REFUSED = Change("seed", 0, 1, "is refused")

    def test_more_of_the_same_goes_on(self) -> None:
        check_changes([], "here", accept=False)
        check_changes([self.FREE], "here", accept=False)

    def test_consent_is_asked_for(self) -> None:
        with pytest.raises(InputError, match=r"sampler: tpe -> random\.\nGo on with --accept"):
            check_changes([self.FREE, self.ASKED], "here", accept=False)
        check_changes([self.FREE, self.ASKED], "here", accept=True)

    def test_no_consent_helps_against_mixed_results(self) -> None:
        with pytest.raises(InputError, match=r"seed: 0 -> 1\.\n.*start a new sweep"):
            check_changes([self.ASKED, self.REFUSED], "here", accept=True)

    def test_many_changes_stay_short(self) -> None:
        with pytest.raises(InputError) as error:
            check_changes([self.REFUSED] * 9, "here", accept=True)
        assert "and 6 more" in str(error.value)
        assert str(error.value).count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "old", "new", "effect"),
    [
        ("int", (8, 64, 8), (8, 64, 4), "needs consent"),
        ("int", (8, 64, 8), (8, 64, None), "needs consent"),
        ("int", (8, 64, 8), (4, 68, 4), "needs consent"),
        ("int", (8, 64, 8), (8, 128, 8), "needs consent"),
        ("int", (8, 64, 8), (8, 72, 16), "is refused"),
        ("int", (8, 64, 8), (4, 68, 8), "is refused"),
        ("int", (8, 64, None), (8, 64, 8), "is refused"),
        ("int", (8, 64, 8), (8, 56, 8), "is refused"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, 0.05), "needs consent"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, None), "needs consent"),
        ("uniform", (0.0, 0.3, None), (0.0, 0.3, 0.1), "is refused"),
        ("uniform", (0.0, 0.3, 0.1), (0.0, 0.3, 0.15), "is refused"),
    ],
)
def test_steps(
    kind: str,
    old: tuple[float, float, float | None],
    new: tuple[float, float, float | None],
    effect: str,
) -> None:
    """Results from before lie on the new steps, or nothing goes on."""
    before, after = copy.deepcopy(STUDY), copy.deepcopy(STUDY)
    for study, (low, high, step) in ((before, old), (after, new)):
        spec = {"type": kind, "low": low, "high": high}
        study["space"]["generator.width"] = spec | ({} if step is None else {"step": step})
    (change,) = study_changes(before, after)
    assert change.effect == effect
    steps = "" if new[2] is None else f" in steps of {new[2]:g}"
    assert change.after == f"{kind} [{new[0]:g}, {new[1]:g}]{steps}"
