"""A sweep as an Optuna journal, as Optuna reads it."""

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from colornet.errors import InputError
from search.core.ranking import best_trials
from search.export import export_optuna
from search.records.reader import read_sweep
from search.records.writer import RecordsWriter


def loaded(path: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(path)))
    (name,) = optuna.study.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


def end(folder: Path, trial_id: str, state: str, **changes: Any) -> None:
    """Let a trial have ended in another way."""
    records = read_sweep(folder)
    row = records.trials.set_index("trial_id", drop=False).loc[trial_id].to_dict()
    row = {key: row[key] for key in row if key not in ("version", "seq", "time", "log")}
    writer = RecordsWriter(folder)
    writer.add("trials", {**row, "state": state, **changes})
    writer.commit()


def test_a_sweep_without_a_trial(make_sweep, tmp_path: Path) -> None:
    found = export_optuna(str(make_sweep(3)), out=tmp_path / "a.journal")
    assert found.data()["trials"] == {}
    study = loaded(tmp_path / "a.journal")
    assert (study.trials, study.metric_names) == ([], ["val_ab_mae"])


def test_it_has_the_same_best_and_every_state(played: Path, tmp_path: Path) -> None:
    end(played, "t00004", "pruned", reason="it lags")
    end(played, "t00005", "running")
    export_optuna(str(played), out=tmp_path / "a.journal")
    study = loaded(tmp_path / "a.journal")
    assert study.user_attrs["question"] == "Which rate is best?"
    states = [trial.state for trial in study.trials]
    complete, pruned, fail = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
    assert states == [complete, complete, fail, pruned, pruned, TrialState.RUNNING]
    (best,) = best_trials(read_sweep(played))["trial_id"]
    assert study.best_trial.user_attrs["trial_id"] == best
    assert study.best_value == 5.0
    assert study.trials[2].user_attrs["reason"] == "ValueError: a reason"
    diverged, stopped = study.trials[3:5]
    assert (diverged.value, diverged.intermediate_values) == (None, {})
    assert stopped.intermediate_values == {1: 9.0, 2: 9.0}
    assert stopped.user_attrs | {"seed": 0, "state": "pruned"} == stopped.user_attrs
    assert study.trials[5].datetime_complete is None


def test_params_have_their_distributions_and_times_are_those_recorded(
    played: Path, tmp_path: Path
) -> None:
    export_optuna(str(played), out=tmp_path / "a.journal")
    records = read_sweep(played)
    study = loaded(tmp_path / "a.journal")
    for trial, (_, row) in zip(study.trials, records.trials.iterrows(), strict=True):
        assert trial.params.keys() == trial.distributions.keys()
        assert "optimizer.generator_lr" in trial.params
        assert trial.datetime_complete is not None and trial.datetime_start is not None
        assert trial.datetime_complete.astimezone() == row["time"].to_pydatetime()
        assert trial.datetime_start <= trial.datetime_complete
    width = study.trials[0].distributions["generator.width"]
    assert (width.low, width.high, width.log) == (4, 64, True)


def test_several_objectives_have_no_intermediate_values(
    make_sweep: Any, make_study: Any, tmp_path: Path
) -> None:
    from search.run.recorder import Recorder

    """Nor has a study that decides by one of them fewer of them."""
    objectives = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    decide = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 25"}}
    changes = {"objectives": objectives, "decide": decide}
    folder = make_sweep(2, **changes)
    recorder = Recorder(folder, make_study(2, **changes))
    for psnr in (20.0, math.nan):
        chosen = recorder.next()
        assert chosen is not None
        metrics = {"tick": 1, "images": 32, "seconds": 1.0, "val_ab_mae": 5.0, "val_psnr": psnr}
        recorder.message(chosen.trial_id, {"event": "tick", "metrics": metrics})
        ended = {"event": "end", "state": "completed", "reason": None, "pictures": []}
        recorder.message(chosen.trial_id, ended)
    recorder.flush(force=True)
    export_optuna(str(folder), out=tmp_path / "a.journal")
    study = loaded(tmp_path / "a.journal")
    assert [trial.values for trial in study.trials] == [[5.0, 20.0], None]
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert [trial.intermediate_values for trial in study.trials] == [{}, {}]
    assert study.metric_names == ["val_ab_mae", "val_psnr"]
    study.ask()  # what stands there breaks no sampler


def test_a_name_as_long_as_the_file_system_takes(played: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / ("x" * 255)
    export_optuna(str(played), out=path)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_what_is_there_is_left_alone(played: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        export_optuna(str(played), out=path)
    assert path.read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_optuna(str(played), out=tmp_path / "file" / "a.journal")
    assert not list(tmp_path.glob(".*"))
