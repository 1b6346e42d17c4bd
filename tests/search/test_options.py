"""One study for the same options, whatever the command; and what it says on the way."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colornet.commands import show_tick
from search import cli
from search.options import StudyOptions


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """The logger as it was, after `cli.main` has set it."""
    logger = logging.getLogger("colorsweep")
    before = logger.level
    yield
    logger.setLevel(before)


class TestChanges:
    def test_nothing(self) -> None:
        assert StudyOptions("demo").changes() == ({}, [])

    def test_short_options(self, tmp_path: Path) -> None:
        changes, notes = StudyOptions(
            "demo", data=str(tmp_path), trials=4, when_spent="cut"
        ).changes()
        assert changes == {
            "data.source": "folder",
            "data.root": str(tmp_path),
            "budget.trials": 4,
            "budget.when_spent": "cut",
        }
        assert notes == []

    def test_what_is_set_wins_over_what_is_detected(self, tmp_path: Path) -> None:
        changes, notes = StudyOptions(
            "demo", data=str(tmp_path), settings=["data.source=parquet"]
        ).changes()
        assert (changes["data.source"], changes["data.root"]) == ("parquet", str(tmp_path))
        assert notes == [
            f"--set data.source=parquet wins over --data {tmp_path}, which looks like folder"
        ]

    @pytest.mark.parametrize(
        ("setting", "path", "value"),
        [
            ("data.root=/elsewhere", "data.root", "/elsewhere"),
            ("budget.trials=9", "budget.trials", 9),
            ("budget.when_spent=finish", "budget.when_spent", "finish"),
        ],
    )
    def test_it_wins_over_other_options(
        self, tmp_path: Path, setting: str, path: str, value: Any
    ) -> None:
        changes, (note,) = StudyOptions(
            "demo", data=str(tmp_path), settings=[setting], trials=4, when_spent="cut"
        ).changes()
        assert changes[path] == value
        assert note.startswith(f"--set {setting} wins over --")

    def test_it_wins_with_the_section_too(self) -> None:
        changes, notes = StudyOptions(
            "demo",
            settings=["budget={trials: 2, when_spent: finish}"],
            trials=3,
            when_spent="cut",
        ).changes()
        assert changes == {"budget": {"trials": 2, "when_spent": "finish"}}
        assert notes == [
            "--set budget.trials=2 wins over --trials 3",
            "--set budget.when_spent=finish wins over --when-spent cut",
        ]
        assert StudyOptions("demo", settings=["budget={trials: 2}"], trials=3).load().trials == 2

    def test_the_same_twice_is_no_conflict(self, tmp_path: Path) -> None:
        settings = ["data.source=folder", "budget.trials=4"]
        assert (
            StudyOptions("demo", data=str(tmp_path), settings=settings, trials=4).changes()[1] == []
        )

    def test_a_part_is_not_lost_in_its_whole(self) -> None:
        options = StudyOptions("demo", settings=["budget={images: 900}"], trials=4)
        changes, study = options.changes()[0], options.load()
        assert list(changes) == ["budget", "budget.trials"]
        assert (study.file.budget.images, study.file.budget.trials) == (900, 4)

    def test_options_win_over_the_quick_variant(self) -> None:
        study = StudyOptions("l1-weight", settings=["training.images=64"], quick=True).load()
        assert study.base_config["training"]["images"] == 64


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each command would run: resolved studies, instead of running them."""
    seen: list[dict[str, Any]] = []

    def stop(study: Any, *_: Any, **__: Any) -> Any:
        seen.append(study if isinstance(study, dict) else study.to_data())
        return "ended"

    def plan(study: Any, *_: Any, **__: Any) -> dict[str, Any]:
        stop(study)
        return {"warnings": list(study.notes)}

    cluster = SimpleNamespace(
        submit_sweep=lambda data, _location, ship: stop(data),
        wait_for_start=lambda _job: SimpleNamespace(exit_code=None),
    )
    pack = SimpleNamespace(content_hash="hash", summary=dict, indices=lambda _split: [])
    monkeypatch.setattr("search.run.create.check_data", lambda study: (study, [pack]))
    monkeypatch.setattr("search.run.create._describe", lambda *_, **__: {})
    monkeypatch.setattr("search.run.create.create_sweep", lambda _, study, __: stop(study))
    monkeypatch.setattr("search.run.sweep.run", lambda *_: None)
    monkeypatch.setattr("search.commands._summary", lambda _: None)
    monkeypatch.setattr("search.plan.plan.make_plan", plan)
    monkeypatch.setattr("search.plan.plan.is_refused", lambda _: False)
    monkeypatch.setattr("search.plan.text.plan_text", lambda values, _: json.dumps(values))
    monkeypatch.setattr("search.cluster.job_commands.open_cluster", lambda _: cluster)
    monkeypatch.setattr("search.cluster.job_commands.job_result", lambda *_: None)
    monkeypatch.setattr("search.cluster.manifest.kuberay", lambda study, *_, **__: stop(study))
    monkeypatch.setattr("search.cluster.manifest.slurm", lambda study, *_, **__: stop(study))
    return seen


COMMANDS = {
    "run": [],
    "plan": [],
    "submit": ["--address", "http://head:8265", "--out", "/shared/first"],
    "manifest kuberay": [],
    "manifest slurm": [],
}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_takes_options_alike(
    reached: list[dict[str, Any]],
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = ["demo", "--data", str(tmp_path), "--set", "data.source=parquet", "--trials", "3"]
    options += ["--set", "generator.dropout=0.25", "--set", "loss.l1_weight=7"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), *options, *COMMANDS[command]])
    assert not ended.value.code
    (study,) = reached
    assert study["base_config"]["data"]["source"] == "parquet"
    assert study["base_config"]["data"]["root"] == str(tmp_path)
    assert study["budget"]["trials"] == 3
    said = caplog.text if command != "plan" else capsys.readouterr().out
    assert "--set data.source=parquet wins over --data" in said
    assert "loss.l1_weight is fixed at 7 and no longer searched" in said


class TestLevels:
    def test_progress_is_no_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "colorsweep"):
            show_tick(2, {"tick": 1, "seconds": 1.0, "images": 64, "val_ab_mae": 9.0})
        assert [record.levelname for record in caplog.records] == ["INFO"]

    def test_a_sweep_s_name_is_no_warning(
        self, reached: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(SystemExit):
            cli.main(["run", "demo"])
        (record,) = [one for one in caplog.records if one.getMessage().startswith("Sweep ")]
        assert record.levelname == "INFO"

    def test_only_our_logger_is_that_talkative(self) -> None:
        with pytest.raises(SystemExit):
            cli.main(["studies", "nosuch"])
        assert logging.getLogger("colorsweep").level == logging.INFO
        assert not logging.getLogger("another").isEnabledFor(logging.INFO)


def test_earlier_sweeps_are_options_of_every_command_that_takes_a_study() -> None:
    options = StudyOptions("demo", trials=4, learn_from=["first", "a second"])
    assert options.words() == "demo --trials 4 --learn-from first --learn-from 'a second'"


def test_an_earlier_sweep_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLORSWEEP_OUT", str(tmp_path))
    for words in (["run", "demo"], ["plan", "demo"], ["submit", "demo", "--out", "/shared/x"]):
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, "--learn-from", "20260101"])
        assert ended.value.code == 2
        assert "20260101: no such sweep" in capsys.readouterr().err
