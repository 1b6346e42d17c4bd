"""Which stopped trials may go on, and which of them is the first."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from search.core.early_stopping import EarlyStopping
from search.core.promotion import KEPT_PER_RUNG, PausedTrials, most_paused
from search.core.target import LastReport
from spaces.study import Study

MakeStudy = Callable[..., Study]
IMAGES, TICKS = 800, 8
TWO = {"val_ab_mae": "minimize", "val_psnr": "maximize"}


def study_of(make_study: MakeStudy, **changes: Any) -> Study:
    fixed = {"training.images": IMAGES, "training.ticks": TICKS}
    stopping = {"rule": "asha", "promote": True, "grace": 0.25}
    return make_study(**{"fixed": fixed, "stopping": stopping, **changes})


@pytest.fixture
def early_stopping(make_study: MakeStudy) -> EarlyStopping:
    """With rungs at 200 and 400 pictures, at each of which one in two goes on."""
    return EarlyStopping(study_of(make_study))


def reach(
    early_stopping: EarlyStopping, images: int, values: Mapping[str, float | tuple[float, ...]]
) -> set[str]:
    """Trials come to a rung one after the other; returns those that are stopped."""
    reports = {
        name: LastReport(value if isinstance(value, tuple) else (value,))
        for name, value in values.items()
    }
    return {name for name, report in reports.items() if early_stopping.add(name, 0, images, report)}


@pytest.mark.parametrize("only_due", [True, False])
def test_nobody_was_stopped(early_stopping: EarlyStopping, only_due: bool) -> None:
    paused = PausedTrials(early_stopping)
    assert paused.best(only_due=only_due) is None
    assert paused.give_up() == set()


def test_one_is_due_once_its_rung_has_room(early_stopping: EarlyStopping) -> None:
    paused = PausedTrials(early_stopping, reach(early_stopping, 200, {"a": 5.0, "b": 6.0}))
    assert paused.trials == {"b"}
    assert paused.best(only_due=True) is None
    assert paused.best(only_due=False) == "b"
    paused.trials |= reach(early_stopping, 200, {"c": 7.0})
    assert paused.best(only_due=True) == "b"
    paused.trials.remove("b")
    assert paused.best(only_due=True) is None
    paused.trials |= reach(early_stopping, 200, {"d": 8.0, "e": 9.0})
    assert paused.best(only_due=True) == "c"


def test_better_ones_take_its_place(early_stopping: EarlyStopping) -> None:
    paused = PausedTrials(early_stopping, reach(early_stopping, 200, {"a": 5.0, "b": 6.0}))
    assert reach(early_stopping, 200, {"c": 4.0, "d": 3.0}) == set()
    assert paused.best(only_due=True) is None


def test_the_highest_rung_comes_first(early_stopping: EarlyStopping) -> None:
    stopped = reach(early_stopping, 200, {"a": 5.0, "b": 6.0, "c": 7.0})
    stopped |= reach(early_stopping, 400, {"a": 3.0, "x": 4.0})
    assert stopped == {"b", "c", "x"}
    paused = PausedTrials(early_stopping, stopped)
    assert paused.best(only_due=False) == "x"
    assert paused.best(only_due=True) is None
    reach(early_stopping, 400, {"y": 9.0})
    assert paused.best(only_due=True) == "x"
    paused.trials.remove("x")
    assert paused.best(only_due=True) == "b"


def test_the_best_few_of_each_rung_are_kept(early_stopping: EarlyStopping) -> None:
    values = {name: float(at) for at, name in enumerate("abcdefgh")}
    reach(early_stopping, 200, values)
    reach(early_stopping, 400, {"a": 3.0, "b": 4.0})
    paused = PausedTrials(early_stopping, set("bdefgh"))
    assert KEPT_PER_RUNG == 3
    assert paused.give_up() == set("gh")
    assert paused.trials == set("bdef")


def test_equal_ones_go_by_their_number(early_stopping: EarlyStopping) -> None:
    reach(early_stopping, 200, {"t00000": 5.0, "t00003": 6.0, "t00002": 6.0, "t00001": 6.0})
    paused = PausedTrials(early_stopping, ["t00003", "t00001", "t00002"])
    assert paused.best(only_due=False) == "t00001"


def test_one_that_no_rung_knows_is_given_up(early_stopping: EarlyStopping) -> None:
    paused = PausedTrials(early_stopping, ["a"])
    assert paused.best(only_due=False) is None
    assert paused.give_up() == {"a"}


def test_of_several_objectives_the_front_goes_first(make_study: MakeStudy) -> None:
    early_stopping = EarlyStopping(study_of(make_study, objectives=TWO))
    stopped = reach(early_stopping, 200, {"a": (5.0, 20.0), "b": (7.0, 18.0), "c": (6.0, 19.0)})
    assert stopped == {"b"}
    paused = PausedTrials(early_stopping, ["b", "c"])
    assert paused.best(only_due=False) == "c"


@pytest.mark.parametrize(
    ("stopping", "expected"),
    [
        ({"rule": "none"}, 0),
        ({"rule": "asha"}, 0),
        ({"rule": "asha", "promote": True}, KEPT_PER_RUNG),
        ({"rule": "hyperband", "promote": True, "grace": 0.125}, 3 * KEPT_PER_RUNG),
    ],
)
def test_most_at_a_time(make_study: MakeStudy, stopping: dict[str, Any], expected: int) -> None:
    assert most_paused(study_of(make_study, stopping=stopping)) == expected
