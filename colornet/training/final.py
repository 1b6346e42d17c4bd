"""What the workers of a final training do: train together, keep what counts, leave the model.

```
<folder>/model.safetensors  config.yaml  card.md      the model, written last
<folder>/samples/tick-000005.png                      fixed pictures: grey, predicted, true
<folder>/last/                                        the last tick's model, if not the best's
<folder>/training/config.yaml                         what is being trained
<folder>/training/signal                              empty, until the driver wants an end
<folder>/training/ticks.jsonl                         one line a tick, by whichever attempt
<folder>/training/attempt-000/tick-000005/            the last checkpoints
<folder>/training/best-000005/                        the best one by the objective
```
`training/` is deleted when the model is there.
"""

import io
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colornet import interrupt
from colornet.color import rgb_from_lab
from colornet.config.config import parse_config
from colornet.config.reading import json_mapping, read_text
from colornet.data.packs import open_packs
from colornet.errors import ColorsweepError, TrainingInterrupted, writing_to
from colornet.model import sweep_check
from colornet.model.card import model_card
from colornet.model.lightness import TrainingLightness
from colornet.model.model import save_model
from colornet.pictures import Pictures
from colornet.ranks import Ranks, prepare_worker
from colornet.storage import write_atomic
from colornet.training import checkpoint
from colornet.training.final_checks import check_reading
from colornet.training.loop import TrainingRun, start_training
from colornet.training.steps import Metrics

POLL = 0.5
SHEETS = 20
"""Ticks of which samples are kept, about."""
_GAP = 2
"""Pixels of white between pictures."""
_TIME = ("images", "seconds")
_SIDE = 96
"""Smaller pictures are enlarged by a whole number, to at least about this."""


def work(settings: dict[str, Any]) -> None:
    """A worker's part in a final training; all of them are ranks of one process group.

    Args:
        settings: plain data: `config` and `searched` (a config's data, or None), `folder`,
            `origin`, `objective`, `keep` (best or last), `cpus` of this worker, `notes` for the
            card, and `reads`, the suffixes that the driver reads as pictures.
    """
    prepare_worker(settings["cpus"])
    folder = Path(settings["folder"])
    state = folder / "training"
    if not (state / "config.yaml").is_file():
        raise ColorsweepError(
            f"{folder}: not seen by the worker on {socket.gethostname()}.\n"
            "Give --out a folder on storage that every node sees."
        )
    check_reading(parse_config(settings["config"], str(folder)), settings.get("reads"))
    ranks = Ranks.here(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    ended = threading.Event()
    threading.Thread(target=_watch, args=(state, ended), daemon=True).start()
    try:
        resume, attempt = ranks.broadcast(_begin(state) if ranks.is_first else (None, state))
        _train(settings, folder, resume, attempt)
    except TrainingInterrupted:
        if not stop_requested(state):
            raise
    finally:
        ended.set()


def stop_requested(state: Path) -> bool:
    """Whether the driver wants an end.

    The file is always there: that it has appeared, shared storage may not tell for a minute, while
    what is in it is read anew whenever it is opened.
    """
    try:
        return bool((state / "signal").read_bytes())
    except OSError:
        return False


def read_ticks(state: Path) -> list[dict[str, Any]]:
    """The ticks so far; a line that a crash has torn is none."""
    file = state / "ticks.jsonl"
    if not file.exists():
        return []
    lines = read_text(file, checkpoint.MAX_HISTORY).splitlines(keepends=True)
    whole = [json_mapping(line, str(file)) for line in lines if line.endswith("\n")]
    return checkpoint.ticks_in(whole, file)


def _watch(state: Path, ended: threading.Event) -> None:
    while not ended.wait(POLL):
        if stop_requested(state):
            interrupt.requested.set()
            return


def _numbered(state: Path, name: str) -> list[tuple[int, Path]]:
    """Folders of a name and a number: `attempt-000`, `best-000005`."""
    numbers = ((path.name.removeprefix(f"{name}-"), path) for path in state.glob(f"{name}-*"))
    return [(int(number), path) for number, path in numbers if re.fullmatch("[0-9]{1,9}", number)]


def _begin(state: Path) -> tuple[Path | None, Path]:
    """The checkpoint to go on from, and a folder for this attempt's own."""
    whole = "".join(json.dumps(line) + "\n" for line in read_ticks(state))
    numbers = [number for number, _ in _numbered(state, "attempt")]
    attempt = state / f"attempt-{max(numbers, default=-1) + 1:03d}"
    with writing_to(state):
        write_atomic(state / "ticks.jsonl", whole.encode())
        attempt.mkdir()
    return checkpoint.latest(state), attempt


def _train(settings: Mapping[str, Any], folder: Path, resume: Path | None, attempt: Path) -> None:
    config = parse_config(settings["config"], str(folder / "training" / "config.yaml"))
    test = bool(len(open_packs(config).evaluation.indices("test")))
    with start_training(config, attempt, test=test, objective=settings["objective"]) as training:
        journal = _Journal(attempt, training, settings["objective"])
        if resume is not None:
            training.load_checkpoint(resume)
            with training.ranks.on_first() as is_first:
                if is_first:  # an earlier attempt may not have come to note its last ticks
                    with writing_to(journal.state):
                        for metrics in training.history:
                            journal.note(metrics)
        while len(training.history) < config.training.ticks:
            training.run_tick(journal.report)
        models = _models(training, journal)
        with training.ranks.on_first() as is_first:
            if is_first:
                with writing_to(folder):
                    _write_models(settings, folder, training, models)


class _Journal:
    """What the first worker writes down at each tick."""

    def __init__(self, attempt: Path, training: TrainingRun, objective: str) -> None:
        self.attempt, self.state = attempt, attempt.parent
        self.training, self.objective = training, objective
        self.noted_ticks = {line["tick"] for line in read_ticks(self.state)}

    def report(self, metrics: Metrics, path: Path | None) -> None:
        """Note a tick.

        Raises:
            TrainingInterrupted: another driver has taken over.
            StorageError: the disk is full or takes no more.
        """
        if max(_numbered(self.state, "attempt"))[1] != self.attempt:
            raise TrainingInterrupted(f"{self.state}: another attempt has begun")
        tick = metrics["tick"]
        assert isinstance(tick, int)
        with writing_to(self.state):
            self._sample(tick)
            if path is not None:
                self._keep(path, tick)
            self.note(metrics)

    def note(self, metrics: Metrics) -> None:
        if metrics["tick"] not in self.noted_ticks:
            with (self.state / "ticks.jsonl").open("a") as file:
                file.write(json.dumps(metrics) + "\n")

    def _sample(self, tick: int) -> None:
        ticks = self.training.config.training.ticks
        if tick < ticks and tick % max(1, ticks // SHEETS):
            return
        pictures = self.training.held_out.get("eval") or self.training.held_out["val"]
        predicted = self.training.evaluations[pictures.name].fixed_rgb
        fixed = pictures.pack.indices(pictures.split)[: len(predicted)]
        sheet = grid(predicted, pictures.pack.pictures[fixed])
        write_atomic(self.state / "samples" / f"tick-{tick:06d}.png", sheet)

    def _keep(self, path: Path, tick: int) -> None:
        """Keep a checkpoint if it is the best, and delete those that nobody will go on from."""
        if len(list(self.attempt.glob("tick-*"))) >= checkpoint.KEPT:
            for older in self.state.glob("attempt-*"):
                if older != self.attempt:
                    shutil.rmtree(older, ignore_errors=True)
        best, value = self.best_tick(), self.training.history[tick - 1].get(self.objective)
        least = self.training.history[best - 1].get(self.objective) if best else None
        if value is None:
            return
        if least is not None and not sweep_check.is_better(self.objective, value, least):
            return
        copy = self.state / f"best-{tick:06d}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(path, self.state / ".best", dirs_exist_ok=True)
        (self.state / ".best").rename(copy)
        for older in self.state.glob("best-*"):
            if older != copy:
                shutil.rmtree(older, ignore_errors=True)

    def best_tick(self) -> int | None:
        """Of the checkpoint that is kept as the best."""
        ticks = [tick for tick, _ in _numbered(self.state, "best")]
        past = [tick for tick in ticks if tick <= len(self.training.history)]
        return max(past, default=None)


@dataclass(frozen=True)
class _Trained:
    """The generator of a tick: its weights, the tick's columns, and those that a card shows."""

    weights: Mapping[str, torch.Tensor]
    row: Metrics
    results: Metrics


def _models(training: TrainingRun, journal: _Journal) -> dict[str, _Trained]:
    """The `last` tick's generator, and the `best` one's where that is another's; of all ranks."""

    def copied(row: Metrics) -> _Trained:
        weights = training.learner.generator.state_dict().items()
        columns = [name for name in row if name in _TIME or name.startswith("test_")]
        results = {name: row[name] for name in columns}
        return _Trained({name: value.clone() for name, value in weights}, row, results)

    models = {"last": copied(training.history[-1])}
    best = None
    if training.ranks.is_first:
        tick = journal.best_tick()
        name = f"best-{tick:06d}" if tick and tick < len(training.history) else None
        best = name if name and checkpoint.verify(journal.state / name) else None
    best = training.ranks.broadcast(best)
    if best is not None:
        models["best"] = copied(training.evaluate_checkpoint(journal.state / best))
    return models


def _write_models(
    settings: Mapping[str, Any], folder: Path, training: TrainingRun, models: Mapping[str, _Trained]
) -> None:
    """Write the model folder: the weights to keep, with the other ones' beside them."""
    config, packs, state = training.config, training.packs, folder / "training"
    origin, objective = settings["origin"], settings["objective"]
    count = len(packs.training.indices("train"))
    training_lightness = TrainingLightness.of(packs.training)
    lightness = training_lightness.to_data() if training_lightness else None
    pictures = packs.training.summary() | {"lightness": lightness}
    common = packs.common.summary() if packs.common else None
    kept = settings["keep"] if settings["keep"] in models else "last"
    row, weights = models[kept].row, _which(models, kept, objective)
    searched = settings["searched"] and parse_config(settings["searched"], "the sweep's config")
    searched = searched and searched.resolved(count)
    promise = sweep_check.compare_with_sweep(origin, searched, config, row) if origin else None
    notes = [*([promise] if promise else []), weights, *settings["notes"]]
    comparable = origin if sweep_check.same_pictures(searched, config) else None
    fails = sweep_check.shortfalls(row, comparable, objective)
    if fails:
        fails.append(sweep_check.reason(training.history, count, config.data.source))
    if (state / "samples").exists():
        shutil.rmtree(folder / "samples", ignore_errors=True)
        os.replace(state / "samples", folder / "samples")
    # The model itself last: a folder that has one is finished.
    for name, model in sorted(models.items(), key=lambda item: item[0] == kept):
        target, sentences, first = folder / name, [weights], []
        if name == kept:
            target, sentences, first = folder, notes, fails
        measured = (config, model.results, pictures, origin)
        card = model_card(target.name, *measured, common=common, notes=sentences, first=first)
        save_model(target, model.weights, config, card, lightness)
    results = models[kept].results | {"tick": row["tick"], "kept": kept, "weights": weights}
    results |= {"promise": promise, "notes": notes, "shortfalls": fails}
    write_atomic(state / "results.json", json.dumps(results).encode())


def _which(models: Mapping[str, _Trained], kept_name: str, objective: str) -> str:
    """A sentence: which tick's weights the model has, and where the other ones are."""
    last = models["last"].row
    if "best" not in models:
        return f"Its weights are those of the last tick, {last['tick']}, the best by {objective}."
    best = models["best"].row
    phrases = {
        "best": f"tick {best['tick']} of {last['tick']}, the best by {objective}: "
        f"{best[objective]:.4g}",
        "last": f"the last tick, {last['tick']}: {objective} {last[objective]:.4g}",
    }
    other = "last" if kept_name == "best" else "best"
    kept = phrases[kept_name]
    return f"Its weights are those of {kept}. In `{other}/` are those of {phrases[other]}."


def grid(predicted: np.ndarray, true: np.ndarray) -> bytes:
    """A PNG with a row for each picture: grey, predicted, true.

    Args:
        predicted: (N, S, S, 3) uint8; `true` likewise.
    """
    lightness: Tensor = Pictures(torch.from_numpy(np.ascontiguousarray(true))).lightness
    rgb = rgb_from_lab(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
    grey = rgb.mul(255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    cells = np.stack((grey, predicted, true), 1)
    scale = max(1, round(_SIDE / cells.shape[2]))
    cells = cells.repeat(scale, 2).repeat(scale, 3)
    spaced = np.pad(cells, ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    rows, columns, height, width, _ = spaced.shape
    sheet = spaced.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(sheet)).save(buffer, "PNG")
    return buffer.getvalue()
