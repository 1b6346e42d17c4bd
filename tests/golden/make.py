"""Writes the golden sweep and model of the present format version, once.

```
python tests/golden/make.py        # tests/golden/sweep-N/ and model-N/, where N is the version
```
"""

import io
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from colornet.config.catalog import load_config, to_yaml
from colornet.model.model import save_model
from colornet.networks.build import build_generator
from search.records.reader import VERSION, read_sweep
from search.records.writer import create_sweep
from search.run.recorder import Recorder
from spaces.loading import load_study
from spaces.study import Study

HERE = Path(__file__).parent
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
    },
    "objectives": {"val_ab_mae": "minimize"},
    "sampler": "random",
    "budget": {"trials": 6},
    "confirm": {"top": 2, "replicates": 2},
}
STATES = {2: "failed", 3: "diverged"}


def main() -> None:
    """Write what is not there yet."""
    sweep, model = HERE / f"sweep-{VERSION}", HERE / f"model-{VERSION}"
    if sweep.exists() or model.exists():
        sys.exit(f"{sweep.name} is there already: golden files are never written again")
    with patch("socket.gethostname", return_value="here"):
        write_sweep(sweep)
    write_model(model)


def write_sweep(folder: Path) -> None:
    """Six trials, one failed, one diverged, and two of them confirmed with two seeds."""
    file = HERE / "study-file.yaml"
    file.write_text(to_yaml(STUDY))
    study = load_study(str(file))
    file.unlink()
    create_sweep(folder, study.to_data(), {"version": 1, "data_hash": "d" * 16, "host": "here"})
    recorder = Recorder(folder, Study.from_data(read_sweep(folder).study, "study.yaml"))
    where = {"pid": 1, "host": "here"}
    while (chosen := recorder.next()) is not None:
        state = STATES.get(chosen.number, "completed")
        value = 5.0 + chosen.number / 4
        for at in (1, 2):
            metrics = {
                "tick": at,
                "images": 32 * at,
                "seconds": 1.5 * at,
                "train_loss_generator": 0.5 / at,
                "val_ab_mae": float("nan") if state == "diverged" and at == 2 else value / at,
                "val_ab_mae_baseline": 20.0,
                "test_ab_mae": value / at if chosen.origin == "confirm" else None,
            }
            event = {"event": "tick", "metrics": metrics, **where}
            if not recorder.message(chosen.trial_id, event):
                break
        else:
            ended = {
                "state": state,
                "reason": "ValueError: a reason" if state == "failed" else None,
                "pictures": _pictures() if state == "completed" else [],
            }
            recorder.message(chosen.trial_id, {"event": "end", **ended, **where})
    recorder.close()


def _pictures() -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "split": "val",
            "picture": f"{index}.png",
            "picture_hash": f"{index:064x}",
            "fixed": True,
            "webp": _webp(index, share),
            "ab_mae": 12.0 * (1 - share),
            "colorfulness": 30.0 * share,
        }
        for index in range(2)
        for kind, share in (("grey", 0.0), ("truth", 1.0), ("prediction", 0.6))
    ]


def _webp(index: int, share: float) -> bytes:
    y, x = np.mgrid[0:16, 0:16] / 16
    rgb = np.stack([x, y, (x + index) % 1], -1)
    rgb = rgb * share + rgb.mean(-1, keepdims=True) * (1 - share)
    stream = io.BytesIO()
    Image.fromarray((rgb * 255).astype(np.uint8)).save(stream, "WEBP", lossless=True)
    return stream.getvalue()


def write_model(folder: Path) -> None:
    """A generator of its first weights, as a model folder."""
    generator = {"kind": "unet", "width": 2, "depth": 2}
    config = load_config("unet-small", {f"generator.{k}": v for k, v in generator.items()})
    weights = build_generator(config.generator, 0, torch.device("cpu")).state_dict()
    save_model(folder, weights, config, "# A golden model\n")


if __name__ == "__main__":
    main()
