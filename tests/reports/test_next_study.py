"""The study that a sweep suggests: likely regions as ranges, what makes no difference fixed."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colornet.config.catalog import parse_yaml, to_yaml
from colornet.config.paths import flatten
from colornet.errors import InputError
from reports import next_study as next_study_module
from reports.analysis.best_regions import BestRegion
from reports.analysis.decision import decide
from reports.analysis.design_matrix import regions_of
from reports.answers.answer import Answer
from reports.commands import studies
from reports.next_study import _file, _limits, _narrowed, _settled, _starts, next_study
from reports.tables import open_sweep
from search.records.writer import RecordsWriter, create_sweep
from spaces.dimensions import Dimension, point_id
from spaces.loading import load_study

LR, LOSS, SMOOTHING = "optimizer.generator_lr", "loss.adversarial", "loss.label_smoothing"
L1, BETA = "loss.l1_weight", "optimizer.beta1"
SPACE: dict[str, Any] = {
    LR: {"loguniform": [1e-5, 1e-2]},
    LOSS: {"choice": ["bce", "lsgan", "hinge"]},
    SMOOTHING: {"uniform": [0.0, 0.3], "when": {LOSS: ["bce", "lsgan"]}},
    L1: {"loguniform": [1, 300], "or": 0},
    BETA: {"uniform": [0.0, 0.9]},
}
STUDY: dict[str, Any] = {
    "version": 1,
    "question": "Which settings are best?",
    "base": "pix2pix-small",
    "fixed": {"training.images": 640},
    "space": SPACE,
    "objectives": {"val_ab_mae": "minimize"},
    "sampler": "random",
    "budget": {"trials": 60},
    "constraints": {"gmac_per_picture": "<= 100"},
}


def _value(point: dict[str, Any]) -> float:
    """Best at low rates, with hinge, and with the special weight; the momentum does nothing."""
    rate = (math.log10(point[LR]) + 5) / 3
    return 5 + 4 * rate + 2 * (point[LOSS] != "hinge") + 1.5 * (point[L1] != 0)


def _sweep(folder: Path, count: int = 60, state: str = "completed", **changes: Any) -> str:
    source = folder / "study.yaml"
    source.write_text(to_yaml({**STUDY, **changes}))
    study = load_study(str(source))
    location = folder / "sweep"
    create_sweep(location, study.to_data(), {"host": "h"})
    writer, rng = RecordsWriter(location), np.random.default_rng(0)
    for number in range(count):
        point: dict[str, Any] = {}
        for axis in study.dimensions:
            if axis.is_active(point):
                listed = axis.listed
                drawn = listed and (axis.is_categorical or rng.random() < 0.3)
                point[axis.name] = (
                    listed[rng.integers(len(listed))] if drawn else axis.quantile(rng.random())
                )
        value = _value(point) + 0.1 * rng.standard_normal() if LOSS in point else 9.0
        key = {"trial_id": f"t{number:05d}", "number": number, "attempt": 0, "seed": 0}
        config = study.config(point, 0).to_dict()
        row = {**key, "state": state, "reason": None, "origin": "search", "point": point}
        row |= {"point_id": point_id(point), "distributions": {}, "system_attrs": {}}
        writer.add("trials", {**row, "config": config, "host": "h", "pid": 1, "gpus": 0.0})
        tick = {"tick": 1, "images": 640, "seconds": 1.0, "val_ab_mae": value}
        writer.add("ticks", {**key, **tick, "cost_gmac_per_picture": 1.0})
    writer.commit()
    return str(location)


def test_it_loads_and_keeps_what_is_likely(tmp_path: Path) -> None:
    study = next_study(open_sweep(_sweep(tmp_path)))
    assert study.file["space"][LR] == {"loguniform": [1e-5, 1e-4]}
    assert study.file["fixed"].keys() == {"training.images", LOSS, L1, BETA}
    assert study.file["fixed"][LOSS] == "hinge" and study.file["fixed"][L1] == 0
    assert SMOOTHING not in study.file["space"]
    again = tmp_path / "next.yaml"
    again.write_text(study.text)
    loaded = load_study(str(again))
    assert LR in loaded.space and LOSS not in loaded.space
    assert loaded.file.question == STUDY["question"] and loaded.file.budget.trials == 60
    assert len(loaded.file.start_from) == 2  # the third's rate is out of the range that is left
    assert loaded.file.constraints == {"cost_gmac_per_picture": "<= 100"}
    assert any(reason.startswith(f"{LR}: 1e-05 to 0.0001: ") for reason in study.reasons)
    assert f"# {LOSS}: fixed at hinge" in study.text


def test_the_command_prints_it(tmp_path: Path) -> None:
    location = _sweep(tmp_path)
    result = studies(next_of=location)
    assert parse_yaml(result.text(), "next") == result.data()["study"]
    with pytest.raises(InputError, match="--next: goes without the name of a study, which demo is"):
        studies("demo", next_of=location)


@pytest.mark.parametrize(("count", "state"), [(0, "completed"), (12, "diverged")])
def test_a_sweep_of_which_nothing_can_be_chosen(tmp_path: Path, count: int, state: str) -> None:
    with pytest.raises(InputError, match="no trial can be chosen"):
        next_study(open_sweep(_sweep(tmp_path, count, state)))


def test_a_compared_design(tmp_path: Path) -> None:
    space = {LOSS: SPACE[LOSS]}
    changes = {"space": space, "design": "compare", "budget": {}, "replicates": 2}
    location = _sweep(tmp_path, 0, **changes, sampler="tpe")
    with pytest.raises(InputError, match="is a compared design"):
        next_study(open_sweep(location))


def test_few_trials_change_nothing(tmp_path: Path) -> None:
    study = next_study(open_sweep(_sweep(tmp_path, 4)))
    assert study.file["space"] == SPACE
    assert study.file["fixed"] == {"training.images": 640}
    assert len(study.file["start_from"]) == 3


def test_ends_of_steps() -> None:
    batch = Dimension("training.batch_size", "int", 8, 64, step=8)
    assert _limits(batch, 8, 26.7) == (8, 24)
    assert _limits(batch, 26.7, 45.3) == (32, 40)
    assert _limits(Dimension("generator.width", "logint", 1, 4), 2.6, 2.9) == (3, 3)
    assert _limits(Dimension(BETA, "uniform", 0.0, 0.9), 0.0, 0.29999) == (0.0, 0.3)
    dropout = Dimension("generator.dropout", "uniform", 0.0, 0.5, step=0.1)
    assert _limits(dropout, 1 / 6, 1 / 3) == (0.2, 0.3), "not 0.30000000000000004"


def test_limits_that_are_alike_keep_the_digits_that_differ() -> None:
    beta = Dimension("optimizer.beta2", "uniform", 0.999, 0.9999)
    assert _limits(beta, 0.999, 0.9993) == (0.999, 0.9993)
    assert _limits(beta, 0.9996, 0.9999) == (0.9996, 0.9999)
    rate = Dimension(LR, "loguniform", 1e-5, 1e-2)
    assert _limits(rate, 1e-5, 9.99999e-5) == (1e-5, 1e-4)


def test_a_condition_on_a_number_keeps_what_lies_in_the_range() -> None:
    depth = Dimension("generator.depth", "int", 1, 2)
    dropout = Dimension("generator.dropout", "uniform", 0.0, 0.5, when={depth.name: (2, 5)})
    settled = _settled({depth.name: depth, dropout.name: dropout}, {})
    assert settled[dropout.name].when == {depth.name: (2,)}
    never = Dimension("generator.dropout", "uniform", 0.0, 0.5, when={depth.name: (5,)})
    assert list(_settled({depth.name: depth, never.name: never}, {})) == [depth.name]


def test_start_points_are_whole_and_each_is_one() -> None:
    kept = {LR: Dimension(LR, "loguniform", 1e-4, 1e-3), L1: Dimension(L1, "loguniform", 1, 9)}
    inside, outside = {LR: 2e-4, L1: 3.0}, {LR: 2e-4, L1: 30.0}
    points = [{**inside, LOSS: "bce"}, outside, {**inside, LOSS: "hinge"}, {LOSS: "bce"}]
    assert _starts(points, kept) == [inside]


def test_a_reason_is_one_for_what_the_file_does(tmp_path: Path) -> None:
    study = next_study(open_sweep(_sweep(tmp_path)))
    fixed, left = study.file["fixed"], study.file["space"]
    changed = {n for n in SPACE if n in fixed or (n in left and left[n] != SPACE[n])}
    assert {reason.partition(":")[0] for reason in study.reasons[1:]} == changed


def _answered(dimension: Dimension, chances: tuple[float, ...]) -> Answer:
    regions = regions_of(dimension, [{dimension.name: 1e-3}])
    bets = [BestRegion(*pair, 0.0, 1.0) for pair in zip(regions, chances, strict=True)]
    return Answer(dimension.name, "unclear", "", 9, "trials", regions=tuple(bets))


def test_a_range_that_is_kept_whole_has_no_reason() -> None:
    rate = Dimension(LR, "loguniform", 1e-5, 1e-2)
    outer = _answered(rate, (0.44, 0.12, 0.44))
    assert _narrowed(rate, outer, {LR: 1e-3}, 0.1) == (rate, "")
    lower, reason = _narrowed(rate, _answered(rate, (0.5, 0.4, 0.1)), {LR: 1e-3}, 0.1)
    assert reason == "1e-05 to 0.001: 90%" and lower.high == 1e-3


def test_what_is_dropped_has_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be known where the best of it lies among those that have it."""
    sweep = open_sweep(_sweep(tmp_path))
    smoothing = sweep.dimensions[2]
    made = next_study_module.answers(sweep, decide(sweep))
    known = [_answered(smoothing, (0.9, 0.05, 0.05)) if one.dimension == SMOOTHING else one
             for one in made.dimensions]  # fmt: skip
    changed = made._replace(dimensions=tuple(known))
    monkeypatch.setattr(next_study_module, "answers", lambda *_: changed)
    study = next_study(sweep)
    assert SMOOTHING not in {**study.file["fixed"], **study.file["space"]}
    assert not any(reason.startswith(SMOOTHING) for reason in study.reasons)


FOLDER = {"data.source": "folder", "data.root": "/pictures", "data.classes": None}


@pytest.mark.parametrize(
    ("evaluate_on", "fixed"),
    [
        ({"data.classes": ["sea"]}, {"data.pictures": 200, "data.seed": 3}),
        ({"data.classes": ["sea"]}, {"data.classes": ["meadow"], "data.fraction": 0.5}),
        ({"data.seed": 7}, FOLDER),
        ({"data.seed": 7}, {"optimizer.beta1": 0.5}),
    ],
)
def test_what_is_fixed_of_the_pictures_leaves_those_that_judge(
    tmp_path: Path, evaluate_on: dict[str, Any], fixed: dict[str, Any]
) -> None:
    source = tmp_path / "study.yaml"
    source.write_text(
        to_yaml({**STUDY, "evaluate_on": evaluate_on, "objectives": {"eval_ab_mae": "minimize"}})
    )
    study = load_study(str(source))
    source.write_text(to_yaml(_file(study, {LR: study.space[LR]}, fixed, [])))
    after = load_study(str(source))
    assert after.base_config["evaluate_on"] == study.base_config["evaluate_on"]
    assert {path: flatten(after.base_config)[path] for path in fixed} == fixed
