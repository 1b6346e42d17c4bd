"""From the best trial to best.yaml."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from colornet.config.catalog import load_config, read_yaml
from colornet.config.config import parse_config
from colornet.errors import InputError, NoValidTrialError
from colornet.model.folder import manifest
from colornet.storage import write_atomic
from reports.best import choose, freeze
from reports.commands import best

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def three(build, **changes):
    sweep = build(**changes)
    for value, psnr in ((9.0, 20.0), (5.0, 19.0), (7.0, 22.0)):
        sweep.trial({LR: value * 1e-4, LOSS: "bce"}, value, metrics={"val_psnr": psnr})
    return sweep


def test_order_of_the_study(build) -> None:
    points = choose(three(build).tables()).points
    assert points["trial_id"].tolist() == ["t00001", "t00002", "t00000"]
    assert points["point"].iloc[0] == {LR: 5e-4, LOSS: "bce"}


def test_by_another_metric(build) -> None:
    points = choose(three(build).tables(), by="val_psnr").points
    assert points["trial_id"].tolist() == ["t00002", "t00000", "t00001"]


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
    frozen = freeze(tables, choose(tables), file="my best.yaml")
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
            "decided_by": "val_ab_mae",
            "objection": None,
            "note": "Not confirmed: one lucky draw among 3 configurations, each trained once; "
            "by how much it overstates itself is not known.",
            "data_hash": "d1",
        },
        "command": "colorsweep train 'my best.yaml'",
    }


def test_final_that_does_not_fit_names_the_trial(build) -> None:
    tables = three(build, final={"training.images": -1}).tables()
    with pytest.raises(InputError, match="t00001"):
        freeze(tables, choose(tables))


def test_best_writes_a_file_that_training_takes(build) -> None:
    sweep = three(build)
    sweep.tables()
    result = best(str(sweep.folder))
    path = sweep.folder / "best.yaml"
    assert [best["file"] for best in result.data()["best"]] == [str(path)]
    assert load_config(str(path)).training.images == 5000
    assert read_yaml(path)["from"]["trials"] == ["t00001"]
    lines = result.text().splitlines()
    assert lines[0].split() == ["rank", "trial", "val_ab_mae", LR, LOSS, "time"]
    assert lines[1].split() == ["1", "t00001", "5", "0.0005", "bce", "10", "s"]
    assert lines[3].startswith("Not confirmed: one lucky draw among 3 configurations")
    assert lines[5] == f"Confirm colorsweep confirm {sweep.folder} --top 3 --replicates 3"
    assert lines[-1] == f"Next    colorsweep train {sweep.folder}/best.yaml"
    assert result.data()["remedy"] in lines[5]


LIGHTNESS = {
    "image_size": 32,
    **{name: [10, 90] for name in ("mean", "deviation", "low", "high", "detail")},
    "flat": [0, 0.5],
}


@pytest.mark.parametrize(
    ("sets", "kept"),
    [([], None), ([None], None), ([LIGHTNESS], LIGHTNESS), ([LIGHTNESS, LIGHTNESS], None)],
)
def test_a_trial_s_model_keeps_what_its_pictures_lightness_was_like(
    build, tmp_path, sets, kept
) -> None:
    sweep = with_weights(build(), sets)
    best(str(sweep.folder), model=tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest.get("lightness") == kept


def test_damaged_lightness_of_a_sweep_is_refused(build, tmp_path) -> None:
    sweep = with_weights(build(), [LIGHTNESS | {"mean": "x"}])
    with pytest.raises(InputError, match=r"provenance\.json: lightness"):
        best(str(sweep.folder), model=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def with_weights(sweep, sets):
    """The sweep with a trial and its weights, trained on one of these sets of pictures."""
    trivial = {f"val_ab_mae_{name}": 20.0 for name in ("grey", "mean", "median")}
    sweep.trial({LR: 5e-4, LOSS: "bce"}, 5.0, metrics=trivial)
    sweep.tables()
    file = sweep.folder / "provenance.json"
    summary = {"pictures": 3, "splits": {"train": 3}, "content_hash": "ab"}
    data = [summary | ({"lightness": one} if one else {}) for one in sets]
    file.write_text(json.dumps(json.loads(file.read_text()) | {"data": data}))
    weights = save({"a": np.ones(3, np.float32)})
    write_atomic(sweep.folder / "checkpoints" / "t00000.safetensors", weights)
    write_atomic(sweep.folder / "checkpoints" / "t00000.json", manifest(weights))
    return sweep


def test_top_writes_a_file_each(build, tmp_path) -> None:
    sweep = three(build)
    sweep.tables()
    result = best(str(sweep.folder), top=5, out=tmp_path / "out" / "good.yaml")
    paths = [Path(best["file"]) for best in result.data()["best"]]
    assert [path.name for path in paths] == ["good-1.yaml", "good-2.yaml", "good-3.yaml"]
    assert all(path.exists() for path in paths)


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
    note = freeze(tables, choose(tables))["from"]["note"]
    assert note.startswith("No trial meets val_psnr >= 25; this one comes first among the rest.")


def confirmed(build, **more):
    """Three points; the third does best on the test pictures, and the first costs half of it."""
    sweep = three(build, **more)
    points = [{LR: value * 1e-4, LOSS: "bce"} for value in (9.0, 5.0, 7.0)]
    sweep.confirm("p0", points[0], [6.1, 6.9, 8.1], seconds=5.0)
    sweep.confirm("p1", points[1], [8.0, 9.0, 10.1], seconds=10.0)
    sweep.confirm("p2", points[2], [6.0, 7.0, 8.0], seconds=10.0)
    return sweep


def test_the_cheapest_of_the_ties_is_written(build) -> None:
    sweep = confirmed(build)
    sweep.tables()
    result = best(str(sweep.folder))
    said = read_yaml(Path(result.data()["best"][0]["file"]))["from"]
    assert said["point_id"] == "p0"
    assert said["trials"] == ["t00000", "t00003", "t00004", "t00005"]
    assert said["values"] == {"test_ab_mae": pytest.approx(7.0333, abs=1e-3)}
    assert said["confirmed"]["column"] == "test_ab_mae"
    assert said["confirmed"]["mean"] == pytest.approx(7.0333, abs=1e-3)
    assert said["confirmed"]["low"] < 7.0333 < said["confirmed"]["high"]
    assert said["confirmed"]["seeds"] == [1, 2, 3] and said["confirmed"]["replicates"] == 3
    assert said["confirmed"]["ties"] == ["t00002"]
    lines = result.text().splitlines()
    assert lines[0].split()[:5] == ["rank", "trial", "test_ab_mae", "seeds", "lost"]
    assert lines[1].split()[:3] == ["1", "t00002", "7.000"]
    assert "taken" in lines[2] and lines[2].split()[1] == "t00000"
    assert lines[3].split()[1] == "t00001" and "tie" not in lines[3]
    assert lines[6] == (
        "#2 cannot be told from #1. Taken: #2, the cheapest of them that is surely within "
        "0.5 Lab units of the best (5.0 s instead of 10 s a training)."
    )
    assert not any(line.startswith("Confirm ") for line in lines)
    assert json.loads(json.dumps(result.data(), allow_nan=False))["remedy"] is None
    assert [point["proposed"] for point in result.data()["points"]] == [False, True, False]
    assert [point["tie"] for point in result.data()["points"]] == [False, True, False]
    assert result.data()["cheaper"]["trial"] == "t00000" and result.data()["cheaper"]["shown"]


def test_top_keeps_the_order(build) -> None:
    sweep = confirmed(build)
    sweep.tables()
    result = best(str(sweep.folder), top=2)
    assert [frozen["from"]["point_id"] for frozen in result.data()["best"]] == ["p2", "p0"]
    assert result.data()["best"][0]["from"]["confirmed"]["ties"] == ["t00000"]


def test_by_another_metric_it_is_that_of_the_test_pictures(build) -> None:
    sweep = three(build)
    points = [{LR: value * 1e-4, LOSS: "bce"} for value in (9.0, 5.0)]
    for number, psnr in ((0, 30.0), (1, 20.0)):
        for seed in (1, 2):
            metrics = {"test_ab_mae": 5.0, "test_psnr": psnr + seed}
            sweep.trial(points[number], 5.0, metrics=metrics, origin="confirm",
                        point_id=f"p{number}", seed=seed)  # fmt: skip
    decision = choose(sweep.tables(), by="val_psnr")
    assert decision.points["mean"].tolist() == [31.5, 21.5, 22.0]
    assert decision.judged.name == "test_psnr"


def test_compared_levels(build) -> None:
    space = {LOSS: {"type": "choice", "choices": ["bce", "lsgan", "hinge"]}}
    sweep = build(space, design="compare", replicates=3, difference=0.5)
    sweep.compare({"bce": [5.0, 6.0, 7.0], "hinge": [8.0, 9.1, 10.0], "lsgan": [None, None]}, LOSS)
    sweep.tables()
    result = best(str(sweep.folder))
    lines = result.text().splitlines()
    assert lines[0].split()[:3] == [LOSS, "val_ab_mae", "seeds"]
    assert lines[1].split()[0] == "bce" and lines[1].endswith("best")
    assert lines[2].split()[0] == "hinge" and lines[2].endswith("worse")
    assert lines[3].split() == ["lsgan", "–", "0", "2", "never", "finished"]
    said = read_yaml(Path(result.data()["best"][0]["file"]))["from"]
    assert said["confirmed"]["column"] == "val_ab_mae" and said["confirmed"]["mean"] == 6.0
    assert said["trials"] == ["t00000", "t00003", "t00006"]
    json.dumps(result.data(), allow_nan=False)
