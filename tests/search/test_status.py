"""A sweep's standing as people and programs read it."""

import json
from collections.abc import Callable
from pathlib import Path

from search.recorder import Recorder
from search.records import read_sweep
from search.status import best_text, standing_of, status_text
from spaces.study import Study

HERE = {"pid": 1, "host": "here"}


def play(folder: Path, trials: int) -> Recorder:
    """Run some trials to their end, each better than the one before."""
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    for _ in range(trials):
        chosen = recorder.next()
        if chosen is None:
            break
        for tick in (1, 2):
            metrics = {"tick": tick, "images": 32 * tick, "seconds": 1.0 * tick}
            metrics |= {"val_ab_mae": 9.0 - chosen.number, "test_ab_mae": 3.0 + chosen.seed % 2}
            recorder.message(chosen.trial_id, {"event": "tick", "metrics": metrics, **HERE})
        end = {"event": "end", "state": "completed", "reason": None, "pictures": []}
        recorder.message(chosen.trial_id, {**end, **HERE})
    recorder.flush(force=True)
    return recorder


def test_nothing_has_begun(make_sweep: Callable[..., Path]) -> None:
    found = standing_of(str(make_sweep(3)))
    assert (found["done"], found["trials"], found["best"], found["finished"]) == (0, 3, None, False)
    text = status_text(found)
    assert "0 of 3 done (none started)" in text
    assert text.splitlines()[-1].startswith("Next      colorsweep resume")
    json.dumps(found, allow_nan=False)


def test_under_way_and_finished(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(3, sampler="random")
    play(folder, 2)
    assert not standing_of(str(folder))["finished"]
    play(folder, 9)
    found = standing_of(str(folder))
    assert (found["finished"], found["done"]) == (True, 3)
    assert best_text(found["best"]) == "t00002: val_ab_mae 7"
    assert "colorsweep report" in status_text(found)


def test_a_confirmation_that_waits_and_one_that_is_done(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(3, sampler="random", confirm={"top": 1, "replicates": 2})
    play(folder, 3)
    found = standing_of(str(folder))
    assert (found["done"], found["to_confirm"], found["finished"]) == (3, 2, False)
    play(folder, 9)
    found = standing_of(str(folder))
    assert (found["confirmed"], found["finished"]) == (2, True)
    assert found["best"]["basis"] == "confirm"
    assert best_text(found["best"]).endswith(", mean of 2 seeds")
    assert "Confirmed  2 of 2 trials done" in status_text(found)


def test_a_budget_that_is_spent(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8, budget={"trials": 8, "images": 128})
    play(folder, 9)
    found = standing_of(str(folder))
    assert (found["done"], found["finished"]) == (2, True)
    assert found["budget"] == {"images": [128.0, 128]}
    assert "128 of 128 images" in status_text(found)


def test_a_space_of_which_every_point_was_tried(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep(8, space={"generator.dropout": {"choice": [0.0, 0.5]}})
    play(folder, 9)
    found = standing_of(str(folder))
    assert (found["done"], found["finished"]) == (2, True)
