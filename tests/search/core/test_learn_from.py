"""Which earlier sweeps a search learns from, which of their trials, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colornet.errors import InputError
from search.core import learn_from as module
from search.core.learn_from import check_pictures, earlier_sweep, learn_from
from search.records.reader import SweepRecords, read_sweep
from search.records.writer import create_sweep
from search.run.recorder import Recorder
from spaces.study import Study

MakeStudy = Callable[..., Study]
LR, L1, LOSS = "optimizer.generator_lr", "loss.l1_weight", "loss.adversarial"
SMOOTH, DROPOUT = "loss.label_smoothing", "generator.dropout"
HERE = {"pid": None, "host": "here", "node": None}
RATE: dict[str, Any] = {LR: {"loguniform": [1e-4, 1e-2]}}
PICTURES = {"content_hash": "a" * 64, "pictures": 40, "splits": {}}
PROVENANCE = {"host": "here", "data": [PICTURES], "data_hash": "a" * 64}


@pytest.fixture
def before(make_study: MakeStudy, tmp_path: Path) -> Callable[..., SweepRecords]:
    """A function of how trials end ("completed", …) that gives a sweep of random points."""

    def make(
        ends: list[str],
        name: str = "before",
        value: float | None = None,
        recorded: dict[str, Any] | None = None,
        **changes: Any,
    ) -> SweepRecords:
        changes = {"space": RATE, "sampler": "random", **changes}
        study = make_study(len(ends), **changes)
        create_sweep(tmp_path / name, study.to_data(), PROVENANCE if recorded is None else recorded)
        recorder = Recorder(tmp_path / name, study)
        for number, end in enumerate(ends):
            trial = recorder.next()
            assert trial is not None
            metrics = {"tick": 1, "images": 64, "seconds": 1.0}
            metrics["val_ab_mae"] = float(number) if value is None else value
            recorder.message(trial.trial_id, {"event": "tick", "metrics": metrics, **HERE})
            message = {"event": "end", "state": end, "reason": None, "pictures": [], **HERE}
            recorder.message(trial.trial_id, message)
        recorder.close()
        return read_sweep(tmp_path / name)

    return make


Before = Callable[..., SweepRecords]


def points_of(sweep: SweepRecords) -> list[dict[str, Any]]:
    return [json.loads(point) for point in sweep.trials["point"]]


def test_what_ended_is_learned_from(make_study: MakeStudy, before: Before) -> None:
    sweep = before(["completed", "failed", "diverged", "oom", "cancelled", "pruned"])
    earlier, notes = earlier_sweep(make_study(space=RATE), sweep)
    points = points_of(sweep)
    assert [trial.point for trial in earlier.trials] == [points[at] for at in (0, 2, 3, 5)]
    assert [trial.values for trial in earlier.trials] == [[0.0], None, None, [5.0]]
    assert (earlier.sweep, earlier.pictures) == ("before", ["a" * 64])
    assert notes == ["--learn-from: before: 4 trials of it lie in the space"]


def test_it_is_a_part_of_the_study(make_study: MakeStudy, before: Before) -> None:
    sweep = before(["completed", "diverged"])
    study = learn_from(make_study(space=RATE), [sweep.location])
    data = json.loads(json.dumps(study.to_data()))
    assert Study.from_data(data, "study.yaml").learned_from == study.learned_from
    assert "learned_from" not in make_study(space=RATE).to_data()


def test_a_damaged_part_is_refused(make_study: MakeStudy, before: Before) -> None:
    study = learn_from(make_study(space=RATE), [before(["completed"]).location])
    data = json.loads(json.dumps(study.to_data()))
    data["learned_from"][0]["trials"][0]["values"] = "good"
    with pytest.raises(InputError, match=r"learned_from: trials.0.values: 'good'"):
        Study.from_data(data, "study.yaml")


def test_points_outside_are_left_out(make_study: MakeStudy, before: Before) -> None:
    sweep = before(["completed"] * 12)
    narrow = make_study(space={LR: {"loguniform": [1e-3, 1e-2]}})
    earlier, notes = earlier_sweep(narrow, sweep)
    inside = [point for point in points_of(sweep) if point[LR] >= 1e-3]
    assert [trial.point for trial in earlier.trials] == inside
    assert notes[0].endswith(f"outside are {12 - len(inside)} of {LR}")


def test_without_a_point_inside_it_is_refused(make_study: MakeStudy, before: Before) -> None:
    sweep = before(["completed"] * 3)
    with pytest.raises(InputError) as refused:
        earlier_sweep(make_study(space={LR: {"loguniform": [1e-7, 1e-6]}}), sweep)
    assert str(refused.value) == (
        "--learn-from: before: has no trial in the space of this study: outside are 3 of "
        f"{LR}.\nWiden these ranges, or learn from another sweep."
    )


def test_a_dimension_that_was_not_searched_has_the_value_of_the_config(
    make_study: MakeStudy, before: Before
) -> None:
    fixed = {"data.pictures": 40, "data.image_size": 16, "training.images": 64, "training.ticks": 2}
    sweep = before(["completed"], fixed={**fixed, LOSS: "bce", SMOOTH: 0.1, L1: 0, DROPOUT: 0.5})
    space: dict[str, Any] = {
        **RATE,
        LOSS: {"choice": ["bce", "hinge"]},
        SMOOTH: {"uniform": [0.0, 0.3], "when": {LOSS: ["bce"]}},
        L1: {"loguniform": [1, 300], "or": 0},
        "dropped": {"bundle": {"no": {DROPOUT: 0.0}, "yes": {DROPOUT: 0.5}}},
    }
    earlier, notes = earlier_sweep(make_study(space=space), sweep)
    (trial,) = earlier.trials
    rate = points_of(sweep)[0][LR]
    assert trial.point == {LR: rate, LOSS: "bce", SMOOTH: 0.1, L1: 0, "dropped": "yes"}
    assert len(notes) == 1


def test_what_was_trained_otherwise_is_told(make_study: MakeStudy, before: Before) -> None:
    space = {**RATE, DROPOUT: {"uniform": [0.1, 0.5]}}
    fixed = {"data.pictures": 40, "data.image_size": 16, "training.images": 128}
    sweep = before(["completed"] * 2, space=space, fixed={**fixed, "training.ticks": 4})
    _, notes = earlier_sweep(make_study(space=RATE), sweep)
    assert notes[1] == (
        "--learn-from: before: was trained with other settings: "
        f"{DROPOUT}, training.images, training.ticks"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"objectives": {"val_psnr": "maximize"}},
            "was to minimize val_ab_mae, and this study is to maximize val_psnr",
        ),
        ({"sampler": "random"}, "sampler random: learns from no trial"),
        ({"sampler": "qmc"}, "sampler qmc: learns from no trial"),
        (
            {"sampler": "grid", "space": {DROPOUT: {"choice": [0.0, 0.5]}}},
            "sampler grid: learns from no trial",
        ),
        (
            {
                "design": "compare",
                "space": {DROPOUT: {"choice": [0.0, 0.5]}},
                "budget": {},
                "replicates": 2,
            },
            "design compare: trains every level",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    make_study: MakeStudy, before: Before, changes: dict[str, Any], message: str
) -> None:
    sweep = before(["completed"])
    with pytest.raises(InputError, match=message) as refused:
        learn_from(make_study(**{"space": RATE, **changes}), [sweep.location])
    assert len(str(refused.value).splitlines()) <= 3


def test_a_sweep_that_decides_by_the_same_metric_fits(
    make_study: MakeStudy, before: Before
) -> None:
    """Whatever its other objectives are, and with the bounds of the study that learns."""
    two = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    study = make_study(
        space=RATE,
        objectives=two,
        decide={"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 20"}},
    )
    earlier, _ = earlier_sweep(study, before(["completed", "diverged"]))
    assert [trial.excess for trial in earlier.trials] == [{"val_psnr": None}] * 2


def test_without_a_value_there_is_nothing(make_study: MakeStudy, before: Before) -> None:
    with pytest.raises(InputError, match="has no trial that ended with a value"):
        earlier_sweep(make_study(space=RATE), before(["failed"]))
    with pytest.raises(InputError, match="has no trial that ended with a value"):
        earlier_sweep(make_study(space=RATE), before(["diverged"], name="lost"))


def test_unknown_pictures_are_refused(make_study: MakeStudy, before: Before) -> None:
    with pytest.raises(InputError, match=r"provenance.json: data: is missing"):
        earlier_sweep(make_study(space=RATE), before(["completed"], recorded={"host": "here"}))


def test_a_name_given_twice_is_refused(make_study: MakeStudy, before: Before) -> None:
    location = before(["completed"]).location
    with pytest.raises(InputError, match="is named twice"):
        learn_from(make_study(space=RATE), [location, f"{location}/"])


def test_several_sweeps(make_study: MakeStudy, before: Before) -> None:
    names = [before(["completed"], name=name).location for name in ("first", "second")]
    study = learn_from(make_study(space=RATE), names)
    assert [sweep.sweep for sweep in study.learned_from] == ["first", "second"]


def test_of_many_the_best_half_is_kept(
    make_study: MakeStudy, before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EARLIER", 6)
    earlier, _ = earlier_sweep(make_study(space=RATE), before(["diverged", *["completed"] * 9]))
    values = [trial.values[0] for trial in earlier.trials if trial.values]
    assert len(earlier.trials) == 6
    assert values[:3] == [1.0, 2.0, 3.0] and values == sorted(values)


class TestPictures:
    def test_others_are_refused(self, make_study: MakeStudy, before: Before) -> None:
        study = learn_from(make_study(space=RATE), [before(["completed"]).location])
        check_pictures(study, ["a" * 64], None)
        with pytest.raises(InputError, match=r"was judged on other pictures: a{12}, not b{12}"):
            check_pictures(study, ["b" * 64], None)

    def test_another_split_is_refused(self, make_study: MakeStudy, before: Before) -> None:
        study = make_study(space=RATE)
        base = {**study.base_config, "data": {**study.base_config["data"], "split": "content"}}
        with pytest.raises(InputError, match=r"data.split: None, and here content"):
            earlier_sweep(replace(study, base_config=base), before(["completed"]))
