"""Small studies, sweeps without Ray, and one Ray for all tests that need it."""

import io
import json
import logging
import math
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image

from search.records.reader import read_sweep
from search.records.writer import create_sweep
from search.run.recorder import Recorder
from spaces.loading import load_study
from spaces.study import Study

STUDY: dict[str, Any] = {
    "version": 1,
    "question": "Which rate is best?",
    "base": "pix2pix-small",
    "fixed": {
        "data.pictures": 40,
        "data.image_size": 16,
        "training.images": 64,
        "training.ticks": 2,
    },
    "space": {
        "optimizer.generator_lr": {"loguniform": [1e-5, 1e-1]},
        "loss.l1_weight": {"loguniform": [1, 300], "or": 0},
        "loss.adversarial": {"choice": ["bce", "lsgan"]},
        "loss.label_smoothing": {"uniform": [0.0, 0.4], "when": {"loss.adversarial": "bce"}},
        "generator.width": {"logint": [4, 64]},
    },
    "objectives": {"val_ab_mae": "minimize"},
    "sampler": "tpe",
    "budget": {"trials": 8},
}
TWO_OBJECTIVES = {"val_ab_mae": "minimize", "val_psnr": "maximize"}


@cache
def study_of(text: str) -> Study:
    """A study file's study, which no test changes; many tests have the same."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study-file.yaml"
        path.write_text(text)
        return load_study(str(path))


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """A function of changed keys that gives a study over five dimensions, one conditional.

    Its file is `tmp_path / "study-file.yaml"`.
    """

    def make(trials: int | None = 8, **changes: Any) -> Study:
        text = json.dumps({**STUDY, "budget": {"trials": trials}, **changes})
        (tmp_path / "study-file.yaml").write_text(text)
        return study_of(text)

    return make


@pytest.fixture
def make_sweep(make_study: Callable[..., Study], tmp_path: Path) -> Callable[..., Path]:
    """A function that gives the folder of a sweep which has not begun."""

    def make(trials: int = 8, name: str = "sweep", **changes: Any) -> Path:
        create_sweep(tmp_path / name, make_study(trials, **changes).to_data(), {"host": "here"})
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def local_ray() -> Iterator[Any]:
    """A Ray of two CPUs for the whole run; tests that use it are marked `ray`."""
    import ray

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        num_cpus=2,
    )
    yield ray
    ray.shutdown()


def webp() -> bytes:
    """A picture of a few bytes."""
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(stream, "WEBP", lossless=True)
    return stream.getvalue()


def play(folder: Path, trials: int | None = None) -> Path:
    """Run a sweep's trials without Ray: the third one fails, the fourth diverges."""
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    where = {"pid": 1, "host": "here"}
    while (chosen := recorder.next()) is not None:
        values = {"val_ab_mae": 5.0 + chosen.number, "val_ab_mae_baseline": 20.0}
        diverges = chosen.number == 3
        for at in (1, 2):
            metrics = {
                "tick": at,
                "images": 32 * at,
                "seconds": 1.0 * at,
                "train_loss_l1": 0.1,
                **({"val_ab_mae": math.nan} if diverges and at == 2 else values),
            }
            recorder.message(chosen.trial_id, {"event": "tick", "metrics": metrics, **where})
        pictures = [
            {
                "kind": kind,
                "split": "val",
                "picture": "a.png",
                "picture_hash": "h",
                "fixed": True,
                "webp": webp(),
                "ab_mae": 5.0,
            }
            for kind in ("grey", "truth", "prediction")
        ]
        failed = chosen.number == 2
        ended = {
            "state": "failed" if failed else "completed",
            "reason": "ValueError: a reason" if failed else None,
            "pictures": [] if failed else pictures,
        }
        recorder.message(chosen.trial_id, {"event": "end", **ended, **where})
        if trials is not None and chosen.number + 1 >= trials:
            break
    recorder.flush(force=True)
    return folder


@pytest.fixture(scope="session")
def played_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("played") / "sweep"
    study = study_of(json.dumps({**STUDY, "budget": {"trials": 6}}))
    create_sweep(folder, study.to_data(), {"host": "here"})
    return play(folder)


@pytest.fixture
def played(played_once: Path, tmp_path: Path) -> Path:
    """The folder of a finished sweep of six trials: four completed, one failed, one diverged."""
    return Path(shutil.copytree(played_once, tmp_path / "sweep"))
