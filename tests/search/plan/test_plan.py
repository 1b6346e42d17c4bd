"""`colorsweep plan`: what running a study would do, and what it refuses."""

import json
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from colornet.config.catalog import to_yaml
from colornet.config.config import Config
from colornet.errors import InputError
from search import cli
from search.plan import disk, plan
from search.plan.estimate import ACTOR_START, BETWEEN, RAY_START, TrainingTimes
from search.plan.plan import is_refused, make_plan
from search.plan.text import plan_text
from search.run.create import new_sweep
from search.run.resources import Allocation, Capacity
from spaces.study import Study

from ..conftest import STUDY

MakeStudy = Callable[..., Study]
FIXED = {**STUDY["fixed"], "training.batch_size": 8}
HERE = Capacity(2, 0.0)
RATES = {"optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]}}
TWO_RATES = {"optimizer.generator_lr": {"choice": [1e-3, 1e-4]}}
"""Spaces whose points all take the same work, which is counted once."""
TIMED = {
    "seconds_per_picture": 0.01,
    "evaluation_seconds": 0.5,
    "diagnosis_seconds": 0.1,
    "checkpoint_seconds": 0.2,
    "setup_seconds": 0.3,
    "start_seconds": ACTOR_START,
    "peak_memory": 500.0,
}


@pytest.fixture(autouse=True)
def a_machine_of_two_cpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plan, "this_machine", lambda: HERE)
    monkeypatch.setattr("search.run.resources.this_machine", lambda: HERE)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def small(make_study: MakeStudy) -> Callable[..., Study]:
    """A function of changed keys that gives a study whose trials can be trained."""

    def make(trials: int = 8, **changes: Any) -> Study:
        return make_study(trials, **{"fixed": FIXED, "space": RATES, **changes})

    return make


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Probes that train nothing; the configs that were probed."""
    probed: list[Config] = []

    def probe_all(configs: Sequence[Config], share: Allocation) -> list[dict[str, float]]:
        probed.extend(configs)
        return [TIMED for _ in configs]

    monkeypatch.setattr(plan, "probe_all", probe_all)
    return probed


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_plan_starts_and_writes_nothing(small: MakeStudy, tmp_path: Path) -> None:
    study = small()
    before = files(tmp_path)
    values = make_plan(study)
    assert files(tmp_path) == before
    assert values["trials"] == {
        "search": 8,
        "levels": None,
        "replicates": None,
        "rungs": [],
        "confirm": 0,
        "confirm_points": 0,
        "confirm_replicates": 0,
    }
    assert values["share"] == {"cpus": 1, "gpus": 0.0, "concurrent": 2, "workers": 1}
    assert values["rounds"] == 4
    assert values["pictures"] == {"low": 512.0, "expected": 512.0, "high": 512.0}
    assert not is_refused(values)


def test_without_earlier_sweeps_time_is_not_known(small: MakeStudy) -> None:
    values = make_plan(small())
    assert (values["hours"], values["hours_from"]) == (None, None)
    assert "--probe" in values["hours_unknown"]
    assert "Time is unknown" in plan_text(values, "colorsweep run x")


def test_probes_give_time_for_what_trials_cost(small: MakeStudy, timed: list[Config]) -> None:
    values = make_plan(small(4, space=TWO_RATES, sampler="grid"), probe=True)
    wall, gpu = values["hours"]["wall"], values["hours"]["gpu"]
    each = 64 * 0.01 + 2 * (0.5 + 0.1) + 0.3 + BETWEEN
    assert wall["expected"] * 3600 == pytest.approx(each + ACTOR_START + RAY_START)
    assert wall["low"] < wall["expected"] < wall["high"]
    assert gpu == {"low": 0.0, "expected": 0.0, "high": 0.0}
    assert len(timed) == 3  # the base config and both points


def test_points_of_all_sizes_are_probed(small: MakeStudy, timed: list[Config]) -> None:
    make_plan(small(space={"generator.width": {"int": [4, 36], "step": 4}}), probe=True)
    widths = [config.generator.model_dump()["width"] for config in timed[1:]]
    assert len(widths) == plan.PROBED
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] / 4


def test_probes_that_all_fail_leave_time_unknown(
    small: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "probe_all", lambda configs, allocation: [None] * len(configs))
    assert "every probe failed" in make_plan(small(), probe=True)["hours_unknown"]


def test_earlier_sweeps_give_time(small: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    past = [TrainingTimes(0.01, 0.01, 0.001, 0.1, 0.2, 0.5)] * 3
    monkeypatch.setattr(plan, "past_trainings", lambda allocation: past)
    values = make_plan(small())
    assert values["hours"]["wall"]["expected"] > 0
    assert values["hours_from"].startswith("3 earlier trainings")


def test_what_cannot_be_tried_here_is_not_guessed(small: MakeStudy, timed: list[Config]) -> None:
    values = make_plan(small(), machine=Capacity(16, 2), probe=True)
    assert values["share"] == {"cpus": 8, "gpus": 1.0, "concurrent": 2, "workers": 1}
    assert "8 CPUs and 1 GPU," in values["hours_unknown"]
    assert timed == []


def test_a_larger_machine_of_the_same_kind_is_planned_with_what_is_measured_here(
    small: MakeStudy, timed: list[Config]
) -> None:
    here = make_plan(small(space=TWO_RATES), probe=True)
    there = make_plan(small(space=TWO_RATES), machine=Capacity(8, 0), probe=True)
    assert there["share"]["concurrent"] == 8
    assert there["hours"]["wall"]["expected"] <= here["hours"]["wall"]["expected"]


def test_more_cards_than_there_are_are_refused(small: MakeStudy) -> None:
    with pytest.raises(InputError, match=r"resources\.gpus: 1"):
        make_plan(small(resources={"gpus": 1.0}))


def test_gpu_hours_and_their_price(small: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    past = [TrainingTimes(0.01, 0.01, 0.001, 0.1, 0.2, 0.5)]
    monkeypatch.setattr(plan, "past_trainings", lambda allocation: past)
    monkeypatch.setattr(plan, "this_machine", lambda: Capacity(4, 1))
    budget = {"trials": 4, "gpu_hours": 1e-6, "price_per_gpu_hour": 2.5, "money": 100.0}
    values = make_plan(small(budget=budget))
    hours = values["hours"]
    assert hours["cost"]["expected"] == pytest.approx(2.5 * hours["gpu"]["expected"])
    by_name = {one["budget"]: one for one in values["budgets"]}
    assert by_name["money"]["share"] < 1 < by_name["gpu_hours"]["share"]
    assert (values["ends_by"], is_refused(values)) == ("gpu_hours", True)
    assert "gpu hours are TOO LITTLE" in plan_text(values, "")


def test_a_budget_that_ends_the_search_early_is_refused(small: MakeStudy) -> None:
    values = make_plan(small(budget={"trials": 8, "images": 256}))
    assert values["budgets"][1] == {
        "budget": "images",
        "limit": 256,
        "expected": 512.0,
        "share": 2.0,
    }
    assert is_refused(values)
    assert "it would stop at about 4 of 8 trials" in plan_text(values, "")
    assert not is_refused(make_plan(small(budget={"trials": 8, "images": 512})))


def test_budgets_of_time_without_a_measure_are_not_judged(small: MakeStudy) -> None:
    values = make_plan(small(budget={"trials": 8, "wall_hours": 0.001}))
    assert values["budgets"][1]["expected"] is None
    assert not is_refused(values)
    assert "unknown" in plan_text(values, "")


def test_a_full_disk_is_refused(small: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    study = small()
    make_plan(study)  # its pictures are packed, which needs room too
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _path: usage(1000))
    values = make_plan(study)
    assert is_refused(values)
    assert "TOO LITTLE" in plan_text(values, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "tpe learns in 0.0 rounds"),
        ({"trials": 17}, "tpe learns in 3.5 rounds (7 trials after its first 10, 2 at a time)"),
        ({"budget": {"trials": 8, "gpu_hours": 1.0}}, "budget.gpu_hours has no effect"),
        ({"space": TWO_RATES}, "the space has 2 points, fewer than the 8 trials"),
    ],
)
def test_warnings(small: MakeStudy, changes: dict[str, Any], said: str) -> None:
    assert any(said in warning for warning in make_plan(small(**changes))["warnings"])


@pytest.mark.parametrize("changes", [{"trials": 18}, {"sampler": "random"}, {"sampler": "qmc"}])
def test_no_warning_where_there_is_nothing_to_warn_of(
    small: MakeStudy, changes: dict[str, Any]
) -> None:
    assert make_plan(small(**changes))["warnings"] == []


def test_a_comparison_says_levels_and_replicates(small: MakeStudy) -> None:
    values = make_plan(small(budget={}, space=TWO_RATES, design="compare", replicates=3))
    assert (values["trials"]["search"], values["sampler"]) == (6, None)
    assert "2 levels x 3 seeds" in plan_text(values, "")


def test_rungs_and_confirmation_are_told(small: MakeStudy) -> None:
    study = small(stopping={"rule": "asha"}, confirm={"top": 2, "replicates": 3})
    values = make_plan(study)
    first, last = values["trials"]["rungs"]
    assert (first, last["share"]) == ({"share": 0.5, "expected": 8.0}, 1.0)
    assert 4 <= last["expected"] < 8
    text = plan_text(values, "")
    stopped = round(8 - last["expected"])
    assert f"8, of which about {stopped} stopped at 50% of the pictures, " in text
    assert "6: the best 2 with 3 seeds each" in text


REFUSED: list[dict[str, Any]] = [
    {"fixed": STUDY["fixed"]},  # a batch larger than the training set
    {"fixed": {**FIXED, "training.ticks": 50}},
    {"fixed": {**FIXED, "data.classes": ["nowhere"]}},
    {"fixed": {**FIXED, "data.source": "folder", "data.root": "nowhere"}},
]


@pytest.mark.parametrize("changes", REFUSED)
def test_what_run_refuses_is_refused_in_the_same_words(
    small: MakeStudy, changes: dict[str, Any]
) -> None:
    def said(do: Callable[[], object]) -> str:
        with pytest.raises(InputError) as error:
            do()
        return str(error.value)

    fixed = {key: value for key, value in changes["fixed"].items() if key != "data.pictures"}
    study = small(fixed=fixed if "data.root" in fixed else changes["fixed"])
    assert said(lambda: make_plan(study)) == said(lambda: new_sweep(study))


def test_a_folder_in_use_is_refused(small: MakeStudy, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not an empty folder"):
        make_plan(small(), str(tmp_path))


def write(folder: Path, **changes: Any) -> str:
    path = folder / "mine.yaml"
    path.write_text(to_yaml({**STUDY, "fixed": FIXED, "space": RATES, **changes}))
    return str(path)


def command(*words: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return int(ended.value.code or 0), capfd.readouterr().out


def test_the_command_names_the_next_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = write(tmp_path)
    words = ("plan", study, "--set", "budget.trials=3", "--cpus", "8", "--gpus", "0")
    code, out = command(*words, capfd=capfd)
    assert code == 0
    assert out.splitlines()[-1].split() == [
        *("Next", "colorsweep", "run", study),
        *("--set", "budget.trials=3"),
    ]
    assert "8 CPUs, no GPU: 1 CPU a trial, 8 at a time, 1 round\n" in out


def test_json_is_whole_and_a_refusal_exits_with_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = write(tmp_path, budget={"trials": 8, "images": 100})
    code, out = command("plan", study, "--json", capfd=capfd)
    values = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert (code, values["ends_by"]) == (2, "images")


@pytest.mark.parametrize("words", [("--cpus", "0"), ("--gpus", "-1"), ("--cpus", "many")])
def test_a_machine_that_cannot_be_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert command("plan", write(tmp_path), *words, capfd=capfd) == (2, "")


WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

class Without:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "ray", "kornia", "safetensors"):
            return None
        return PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from search.cli import main
main(sys.argv[1:])
"""


def test_the_core_install_plans_but_for_time(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", WITHOUT_TORCH, "plan", write(tmp_path), *words]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    done = run("--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["hours"] is None
    assert "torch" in values["hours_unknown"]
    assert values["disk"]["checkpoints"] is None
    refused = run("--probe")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "needs torch" in refused.stderr
