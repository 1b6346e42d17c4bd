"""Final training through Ray Train: the folder it claims, the model it leaves, its resume."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from colornet.config import Config, parse_config
from colornet.errors import InputError
from colornet.model import load_model

pytestmark = pytest.mark.ray

CONFIG = parse_config(
    {
        "data": {"source": "scenes", "pictures": 80, "image_size": 16},
        "generator": {"kind": "unet", "width": 4, "depth": 2},
        "training": {"epochs": 2.0, "ticks": 4, "batch_size": 16, "checkpoint_every": 1},
    },
    "test",
)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, Any], list[Any]]]:
    """A model folder, what `train_final` returned, and the ticks it showed."""
    from colornet.distributed import train_final

    folder = tmp_path_factory.mktemp("models") / "mine"
    shown: list[Any] = []
    origin = {"sweep": "s1", "point_id": "p1"}
    yield folder, train_final(CONFIG, folder, shown.append, origin), shown


def test_it_leaves_a_model_and_nothing_else(
    trained: tuple[Path, dict[str, Any], list[Any]],
) -> None:
    folder, results, shown = trained
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["card.md", "config.yaml", "model.safetensors"]
    assert [metrics["tick"] for metrics in shown] == [1, 2, 3, 4]
    assert results["images"] == shown[-1]["images"]
    assert 0 < results["test_ab_mae"] < 100
    assert results["test_ab_mae_baseline"] > 0
    json.dumps(results, allow_nan=False)
    card = (folder / "card.md").read_text()
    assert "- sweep: s1" in card
    assert f"| ab MAE | {results['test_ab_mae']:.4g} | Lab units |" in card
    assert load_model(folder) is not None


def test_its_config_is_resolved(trained: tuple[Path, dict[str, Any], list[Any]]) -> None:
    from colornet.catalog import load_config

    training = load_config(str(trained[0] / "config.yaml")).training
    assert training.epochs is None
    assert training.images is not None and training.images > 80


@pytest.mark.parametrize("held", ["model", "files", "file", "another training"])
def test_a_folder_that_is_another_s(
    trained: tuple[Path, dict[str, Any], list[Any]], tmp_path: Path, held: str
) -> None:
    from colornet.distributed import train_final
    from colornet.preparing import _claim

    folder = tmp_path / "model"
    if held == "model":
        shutil.copytree(trained[0], folder)
    elif held == "files":
        folder.mkdir()
        (folder / "notes.txt").touch()
    elif held == "file":
        folder.touch()
    else:
        _claim(folder, Config())
    before = sorted(tmp_path.rglob("*"))
    said = {"model": "already holds a model", "another training": "of another config"}
    with pytest.raises(InputError, match=said.get(held, "is not empty")):
        train_final(CONFIG, folder, lambda _: None)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    """What a killed one leaves: a checkpoint and ticks, of which the last line may be torn."""
    from colornet import loop
    from colornet.data.packed import open_pack
    from colornet.distributed import train_final
    from colornet.preparing import _claim

    folder = tmp_path / "model"
    config = CONFIG.resolved(len(open_pack(CONFIG.data).indices("train")))
    _claim(folder, config)
    state = folder / "training"
    lines: list[str] = []

    class Killed(BaseException):
        pass

    def report(metrics: Any, _checkpoint: Path | None) -> None:
        lines.append(json.dumps(metrics) + "\n")
        if metrics["tick"] == 2:
            raise Killed

    (state / "attempt-000").mkdir()
    with pytest.raises(Killed):
        loop.train(config, report, folder=state / "attempt-000")
    (state / "ticks.jsonl").write_text("".join(lines) + '{"tick": 3, "ima')
    shown: list[Any] = []
    results = train_final(CONFIG, folder, shown.append)
    assert [metrics["tick"] for metrics in shown] == [3, 4]
    assert results["images"] == 128  # 124, in whole batches
    assert not state.exists()


@pytest.mark.parametrize("common", [None, {"image_size": 32, "pictures": 60, "seed": 3}])
def test_the_pictures_that_judge_test_the_model(
    tmp_path: Path, common: dict[str, Any] | None
) -> None:
    from safetensors.torch import save_file

    from colornet.distributed import _leave_model
    from colornet.networks import build_generator
    from colornet.packs import open_packs

    section = {"source": "scenes", **common} if common else None
    config = parse_config({**CONFIG.to_dict(), "evaluate_on": section}, "test")
    generator = build_generator(config.generator, 0, torch.device("cpu"))
    weights = {name: value.contiguous() for name, value in generator.state_dict().items()}
    save_file(weights, tmp_path / "weights")
    (tmp_path / "training").mkdir()
    counters = {"images": 96, "seconds": 1.0}
    _leave_model(tmp_path, config, tmp_path / "weights", counters, None)
    results = json.loads((tmp_path / "training" / "results.json").read_text())
    assert results["test_ab_mae"] > 0
    card = (tmp_path / "card.md").read_text()
    tested = open_packs(config).judging.summary()
    measured = f"the {tested['splits']['test']} test pictures of `evaluate_on` at 32 pixels"
    assert (measured in card) is (common is not None)
    assert load_model(tmp_path).config == config
