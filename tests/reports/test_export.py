"""The table for a spreadsheet: exact numbers, no formula, nothing overwritten."""

import csv
import io
import json
import math

import pytest

from colornet.errors import InputError
from reports.export import csv_text, export_csv, trials_frame

LR, LOSS = "optimizer.generator_lr", "loss.adversarial"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_sweep_without_a_trial_has_a_heading(build) -> None:
    text = csv_text(trials_frame(build().tables()))
    assert rows_of(text) == []
    assert text.startswith("trial_id,number,state,reason,origin,seed")


def test_every_trial_with_what_it_reported_last(build) -> None:
    sweep = build(budget={"trials": 8, "price_per_gpu_hour": 2.0})
    third = 1 / 3
    sweep.trial({LR: 1e-3, LOSS: "bce"}, 9.0, metrics={"val_psnr": third}, seed=7)
    sweep.trial({LR: 2e-3, LOSS: "hinge"}, None, "failed", reason="=cmd()")
    sweep.trial({LR: third}, math.nan, "diverged", ticks=2)
    first, failed, diverged = rows_of(csv_text(trials_frame(sweep.tables())))
    assert (first["trial_id"], first["state"], first["seed"]) == ("t00000", "completed", "7")
    assert (first["tick"], first["images"], first["seconds"]) == ("4", "1000", "10")
    assert float(first["val_psnr"]) == third
    assert (first[LR], first[LOSS], first["val_ab_mae"]) == ("0.001", "bce", "9")
    assert first["host"] == "h"
    assert first["started"].endswith("+00:00")
    assert (failed["reason"], failed["val_ab_mae"], failed["tick"]) == ("'=cmd()", "", "")
    assert (float(diverged[LR]), diverged[LOSS], diverged["val_ab_mae"]) == (third, "", "")


def test_the_cost_in_cards_and_money(build) -> None:
    sweep = build(budget={"trials": 8, "price_per_gpu_hour": 2.0})
    sweep.trial({}, 9.0, seconds=7200.0)
    tables = sweep.tables()
    tables.records.trials["gpus"] = 0.5
    (row,) = rows_of(csv_text(trials_frame(tables)))
    assert (row["gpu_hours"], row["money"]) == ("1", "2")


def test_no_text_begins_a_formula(hostile) -> None:
    for row in csv.reader(io.StringIO(csv_text(trials_frame(hostile)))):
        for text in row:
            assert not text.startswith(("=", "+", "@", "\t", "\r"))


def test_the_file(build, tmp_path) -> None:
    sweep = build()
    sweep.trial({LR: 1e-3}, 9.0)
    sweep.tables()
    found = export_csv(str(sweep.folder), out=tmp_path / "a" / "trials.csv")
    assert json.loads(json.dumps(found.data(), allow_nan=False))["trials"] == 1
    data = (tmp_path / "a" / "trials.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbftrial_id,")
    with pytest.raises(InputError, match="is there already"):
        export_csv(str(sweep.folder), out=tmp_path / "a" / "trials.csv")
    assert (tmp_path / "a" / "trials.csv").read_bytes() == data
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_csv(str(sweep.folder), out=tmp_path / "file" / "trials.csv")


def test_a_bundle_that_is_called_as_another_column(build) -> None:
    """Of sweeps of before; a study may no longer call one so."""
    labels = {"a": {LR: 1e-3}, "b": {LR: 1e-2}}
    sweep = build({"state": {"type": "bundle", "labels": labels}})
    sweep.trial({"state": "b"}, 9.0)
    frame = trials_frame(sweep.tables())
    assert frame.columns.is_unique
    assert frame.loc["t00000", ["state", "space.state"]].tolist() == ["completed", "b"]
