"""What a few steps say of a training's time."""

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from colornet.config.config import Config
from colornet.errors import InputError
from colornet.training import learner
from colornet.training.loop import train
from colornet.training.methods.player import Batch, Method
from colornet.training.step_time import probe
from colornet.training.steps import StepOptions, Totals

Build = Callable[..., Config]


class Played(list[Batch]):
    """Keeps the batches that players are shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        train_step = learner.train_step

        def remember(method: Method, batch: Batch, pace: StepOptions, totals: Totals) -> None:
            self.append(batch)
            train_step(method, batch, pace, totals)

        monkeypatch.setattr(learner, "train_step", remember)


@pytest.mark.parametrize("changes", [{}, {"training": {"images": None, "epochs": 0.8}}])
def test_every_part_is_timed(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    played = Played(monkeypatch)
    timing = asdict(probe(tiny(**changes), steps=5))
    assert len(played) == 5
    assert all(math.isfinite(value) and value > 0 for value in timing.values())
    json.dumps(timing)


def test_steps_are_those_of_the_middle(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Played(monkeypatch)
    probe(tiny(), steps=3)
    assert [batch.progress for batch in played] == pytest.approx([6 / 12, 7 / 12, 8 / 12])
    played.clear()
    probe(tiny(loss={"pretrain": 0.8}), steps=3)
    assert all(batch.progress >= 0.8 for batch in played)


def test_the_checkpoint_is_that_of_a_training(pack: Any, tiny: Build, folder: Path) -> None:
    paths: list[Path] = []

    def report(_metrics: Any, path: Path | None) -> None:
        assert path is not None
        paths.append(path)

    train(tiny(), report, folder=folder)
    written = sum(file.stat().st_size for file in paths[-1].iterdir())
    assert probe(tiny(), steps=3).checkpoint_bytes == pytest.approx(written, rel=0.1)


def test_nothing_is_left(
    pack: Any, tiny: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    probe(tiny(), steps=3)
    assert torch.equal(torch.rand(1), expected)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_trained_is_not_timed(pack: Any, tiny: Build) -> None:
    with pytest.raises(InputError, match="batch_size: 41"):
        probe(tiny(training={"batch_size": 41}))


def test_common_pictures_are_evaluated_too(
    pack: Any, common: Callable[..., Any], tiny: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colornet.evaluation import evaluation

    common()
    seen: list[str | None] = []
    real = evaluation.evaluate

    def evaluate(*arguments: Any, name: str | None = None, **rest: Any) -> Any:
        seen.append(name)
        return real(*arguments, name=name, **rest)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    evaluate_on = {"source": "scenes", "image_size": 16, "seed": 7}
    assert probe(tiny(evaluate_on=evaluate_on), steps=3).evaluation_seconds > 0
    assert seen == ["val", "eval"]
