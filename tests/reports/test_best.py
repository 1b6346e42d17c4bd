"""From the best trial to best.yaml."""

import pytest

from colornet.catalog import load_config, read_yaml
from colornet.config import parse_config
from colornet.errors import InputError, NoValidTrialError
from reports.best import choose, freeze
from reports.commands import best

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def three(build, **changes):
    sweep = build(**changes)
    for value, psnr in ((9.0, 20.0), (5.0, 19.0), (7.0, 22.0)):
        sweep.trial({LR: value * 1e-4, LOSS: "bce"}, value, metrics={"val_psnr": psnr})
    return sweep


def test_order_of_the_study(build) -> None:
    rows = choose(three(build).tables(), top=2)
    assert rows["trial_id"].tolist() == ["t00001", "t00002"]
    assert rows["point"].iloc[0] == {LR: 5e-4, LOSS: "bce"}


def test_by_another_metric(build) -> None:
    assert choose(three(build).tables(), by="val_psnr")["trial_id"].tolist() == ["t00002"]


@pytest.mark.parametrize("by", ["val_psrn", "psnr", "point"])
def test_unknown_metric(build, by: str) -> None:
    with pytest.raises(InputError, match="no such metric"):
        choose(three(build).tables(), by=by)


def test_metric_without_better_and_worse(build) -> None:
    with pytest.raises(InputError, match="loss_generator"):
        choose(three(build).tables(), by="train_loss_generator")


def test_no_valid_trial_says_how_they_ended(build) -> None:
    sweep = build()
    sweep.trial({LR: 1e-3}, 9.0, "diverged")
    sweep.trial({LR: 1e-3}, 9.0, "pruned")
    with pytest.raises(NoValidTrialError, match="1 pruned, 1 diverged") as error:
        choose(sweep.tables())
    assert error.value.exit_code == 4


def test_no_trial_at_all(build) -> None:
    with pytest.raises(NoValidTrialError, match="no trial has started"):
        choose(build().tables())


def test_frozen_configuration(build) -> None:
    sweep = three(build)
    tables = sweep.tables()
    frozen = freeze(tables, choose(tables).iloc[0], "my best.yaml")
    config = frozen.pop("config")
    assert config["optimizer"]["generator_lr"] == 5e-4
    final = frozen.pop("final")
    assert final["training"]["images"] == 5000 and final["optimizer"]["generator_lr"] == 5e-4
    assert parse_config(final, "test").to_dict() == final
    assert frozen == {
        "version": 1,
        "from": {
            "sweep": "sweep",
            "location": str(sweep.folder),
            "question": "How should the two learning rates be balanced?",
            "point_id": "p1",
            "point": {LR: 5e-4, LOSS: "bce"},
            "trials": ["t00001"],
            "values": {"val_ab_mae": 5.0},
            "confirmed": None,
            "note": "Not confirmed: the best of 3 trials, each trained once. "
            "Part of its lead is luck.",
            "data_hash": "d1",
        },
        "command": "colorsweep train 'my best.yaml'",
    }


def test_final_that_does_not_fit_names_the_trial(build) -> None:
    tables = three(build, final={"training.images": -1}).tables()
    with pytest.raises(InputError, match="t00001"):
        freeze(tables, choose(tables).iloc[0])


def test_best_writes_a_file_that_training_takes(build) -> None:
    sweep = three(build)
    sweep.tables()
    result = best(str(sweep.folder))
    assert result.paths == (sweep.folder / "best.yaml",)
    assert load_config(str(result.paths[0])).training.images == 5000
    assert read_yaml(result.paths[0])["from"]["trials"] == ["t00001"]
    assert result.data()["best"][0]["file"] == str(result.paths[0])
    lines = result.text().splitlines()
    assert lines[0].split() == ["rank", "trial", "val_ab_mae", LR, LOSS, "time"]
    assert lines[1].split() == ["1", "t00001", "5", "0.0005", "bce", "10", "s"]
    assert lines[-1] == f"Next    colorsweep train {sweep.folder}/best.yaml"


def test_top_writes_a_file_each(build, tmp_path) -> None:
    sweep = three(build)
    sweep.tables()
    result = best(str(sweep.folder), top=5, out=tmp_path / "out" / "good.yaml")
    assert [path.name for path in result.paths] == ["good-1.yaml", "good-2.yaml", "good-3.yaml"]
    assert all(path.exists() for path in result.paths)


def test_nothing_is_written_when_the_final_does_not_fit(build) -> None:
    sweep = three(build, final={"training.images": -1})
    sweep.tables()
    with pytest.raises(InputError):
        best(str(sweep.folder))
    assert not (sweep.folder / "best.yaml").exists()


def test_top_must_be_positive(build) -> None:
    with pytest.raises(InputError, match="--top"):
        best(str(build().folder), top=0)


def test_note_says_when_no_trial_meets_the_bounds(build) -> None:
    bounds = {"by": "val_ab_mae", "subject_to": {"val_psnr": ">= 25"}}
    tables = three(build, decide=bounds).tables()
    note = freeze(tables, choose(tables).iloc[0])["from"]["note"]
    assert note.startswith("No trial meets val_psnr >= 25; this one comes first among the rest.")
