"""Sweeps and models of every released format version open, and are good for everything.

`make.py` writes those of a new version; what is here is never written again.
"""

import json
from pathlib import Path

import optuna
import pytest
from PIL import Image

from colornet.config.catalog import load_config
from colornet.model.model import load_model
from reports.commands import best, report
from reports.export import export_csv
from reports.tables import open_sweep
from search.export import export_optuna
from search.records.reader import VERSION, read_sweep
from search.records.writer import RecordsWriter

HERE = Path(__file__).parent
SWEEPS = sorted(HERE.glob("sweep-*"))
MODELS = sorted(HERE.glob("model-*"))


def test_every_version_has_one() -> None:
    versions = range(1, VERSION + 1)
    assert [path.name for path in SWEEPS] == [f"sweep-{version}" for version in versions]
    assert [path.name for path in MODELS] == [f"model-{version}" for version in versions]


@pytest.fixture(params=SWEEPS, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_its_records(golden: Path) -> None:
    found = read_sweep(golden)
    assert found.problems == []
    assert found.trials["state"].tolist() == [
        *["completed", "completed", "failed", "diverged", "completed", "completed"],
        *["completed"] * 4,
    ]
    assert found.trials["origin"].tolist() == ["search"] * 6 + ["confirm"] * 4
    assert found.ticks["val_ab_mae"].notna().sum() == 19
    assert len(found.pictures(fixed=True)) == 8 * 6
    assert found.provenance["data_hash"] == "d" * 16


def test_its_report(golden: Path, tmp_path: Path) -> None:
    result = report(str(golden), out=tmp_path / "report.html")
    page = result.path.read_text()
    assert "Which rate is best?" in page and "data:image/webp" in page
    decision = json.loads(json.dumps(result.data(), allow_nan=False))["decision"]
    assert (decision["basis"], decision["proposed"]["trial"]) == ("confirm", "t00000")


def test_its_best_can_be_trained(golden: Path, tmp_path: Path) -> None:
    best(str(golden), out=tmp_path / "best.yaml")
    assert load_config(str(tmp_path / "best.yaml")).training.images == 64


def test_its_exports(golden: Path, tmp_path: Path) -> None:
    assert export_csv(str(golden), out=tmp_path / "a.csv").data()["trials"] == 10
    export_optuna(str(golden), out=tmp_path / "a.journal")
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "a.journal"))
    )
    study = optuna.load_study(study_name=golden.name, storage=storage)
    assert len(study.trials) == 6
    assert study.best_value == open_sweep(str(golden)).searched["val_ab_mae"].min()


def test_it_can_be_gone_on_with(golden: Path, tmp_path: Path) -> None:
    for path in golden.rglob("*"):
        if path.is_file():
            copy = tmp_path / "sweep" / path.relative_to(golden)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    row = read_sweep(golden).trials.iloc[0].to_dict()
    row = {name: row[name] for name in ("trial_id", "number", "attempt", "seed", "state")}
    writer = RecordsWriter(tmp_path / "sweep")
    writer.add("trials", {**row, "state": "failed"})
    writer.commit()
    assert read_sweep(tmp_path / "sweep").trials["state"].iloc[0] == "failed"


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.name)
def test_the_model_colorizes(folder: Path) -> None:
    picture = load_model(folder).colorize(Image.new("L", (20, 13), 128))
    assert (picture.size, picture.mode) == ((20, 13), "RGB")
