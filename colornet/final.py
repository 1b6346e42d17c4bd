"""What the workers of a final training do: train together, keep what counts, leave the model.

```
<folder>/model.safetensors  config.yaml  card.md      the model, written last
<folder>/samples/tick-000005.png                      fixed pictures: grey, predicted, true
<folder>/best/                                        the best tick's model, if not the last's
<folder>/training/config.yaml                         what is being trained
<folder>/training/signal                              empty, until the driver wants an end
<folder>/training/ticks.jsonl                         one line a tick, by whichever attempt
<folder>/training/attempt-000/tick-000005/            the last checkpoints
<folder>/training/best-000005/                        the best one by the objective
```
`training/` is deleted when the model is there.
"""

import json
import os
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from colornet import checkpoint, interrupt
from colornet.card import model_card
from colornet.config import parse_config
from colornet.errors import ColorsweepError, TrainingInterrupted
from colornet.loop import UnderWay, started
from colornet.model import save_model
from colornet.packs import open_packs
from colornet.promise import is_better, verdict
from colornet.ranks import Ranks
from colornet.samples import grid
from colornet.steps import Metrics
from colornet.storage import write_atomic
from colornet.worker import prepare_worker

POLL = 0.5
SHEETS = 20
"""Ticks of which samples are kept, about."""


def work(settings: dict[str, Any]) -> None:
    """A worker's part in a final training; all of them are ranks of one process group.

    Args:
        settings: plain data: `config` and `searched` (a config's data, or None), `folder`,
            `origin`, `objective`, `cpus` of this worker, `notes` for the card.
    """
    prepare_worker(settings["cpus"])
    folder = Path(settings["folder"])
    state = folder / "training"
    if not (state / "config.yaml").is_file():
        raise ColorsweepError(
            f"{folder}: not seen by the worker on {socket.gethostname()}.\n"
            "Give --out a folder on storage that every node sees."
        )
    ranks = Ranks.here(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    ended = threading.Event()
    threading.Thread(target=_watch, args=(state, ended), daemon=True).start()
    try:
        resume, attempt = ranks.agreed(_begin(state) if ranks.leads else (None, state))
        _train(settings, folder, resume, attempt)
    except TrainingInterrupted:
        if not stop_asked(state):
            raise
    finally:
        ended.set()


def ask_to_stop(state: Path) -> None:
    """Have the workers leave a checkpoint and end."""
    (state / "signal").write_text("stop")


def stop_asked(state: Path) -> bool:
    """Whether `ask_to_stop` was called.

    The file is always there: that it has appeared, shared storage may not tell for a minute, while
    what is in it is read anew whenever it is opened.
    """
    try:
        return bool((state / "signal").read_bytes())
    except OSError:
        return False


def ticks_of(state: Path) -> list[dict[str, Any]]:
    """The ticks so far; a line that a crash has torn is none."""
    try:
        lines = (state / "ticks.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _watch(state: Path, ended: threading.Event) -> None:
    while not ended.wait(POLL):
        if stop_asked(state):
            interrupt.requested.set()
            return


def _begin(state: Path) -> tuple[Path | None, Path]:
    """The checkpoint to go on from, and a folder for this attempt's own."""
    whole = "".join(json.dumps(line) + "\n" for line in ticks_of(state))
    write_atomic(state / "ticks.jsonl", whole.encode())
    numbers = [int(path.name.partition("-")[2]) for path in state.glob("attempt-*")]
    attempt = state / f"attempt-{max(numbers, default=-1) + 1:03d}"
    attempt.mkdir()
    return checkpoint.latest(state), attempt


def _train(settings: Mapping[str, Any], folder: Path, resume: Path | None, attempt: Path) -> None:
    config = parse_config(settings["config"], str(folder / "training" / "config.yaml"))
    test = bool(len(open_packs(config).judging.indices("test")))
    with started(config, attempt, test=test) as training:
        journal = _Journal(attempt, training, settings["objective"])
        if resume is not None:
            training.restore(resume)
        while len(training.history) < config.training.ticks:
            training.take_tick(journal.report)
        with training.ranks.leading() as leads:
            if leads:
                _leave_model(settings, folder, training, journal)


@dataclass
class _Journal:
    """What the first worker writes down at each tick."""

    attempt: Path
    training: UnderWay
    objective: str

    def __post_init__(self) -> None:
        self.state = self.attempt.parent
        self.known = {line["tick"] for line in ticks_of(self.state)}

    def report(self, metrics: Metrics, path: Path | None) -> None:
        """Note a tick; raises TrainingInterrupted where another driver has taken over."""
        if max(self.state.glob("attempt-*")) != self.attempt:
            raise TrainingInterrupted(f"{self.state}: another attempt has begun")
        tick = metrics["tick"]
        assert isinstance(tick, int)
        self._sample(tick)
        if path is not None:
            self._keep(path, tick)
        if tick not in self.known:
            with (self.state / "ticks.jsonl").open("a") as file:
                file.write(json.dumps(metrics) + "\n")

    def _sample(self, tick: int) -> None:
        ticks = self.training.config.training.ticks
        if tick < ticks and tick % max(1, ticks // SHEETS):
            return
        shown = self.training.held_out.get("eval") or self.training.held_out["val"]
        predicted = self.training.evaluations[shown.name].fixed_rgb
        fixed = shown.pack.indices(shown.split)[: len(predicted)]
        sheet = grid(predicted, shown.pack.pictures[fixed])
        write_atomic(self.state / "samples" / f"tick-{tick:06d}.png", sheet)

    def _keep(self, path: Path, tick: int) -> None:
        """Keep a checkpoint if it is the best, and delete those that nobody will go on from."""
        if len(list(self.attempt.glob("tick-*"))) >= checkpoint.KEPT:
            for older in self.state.glob("attempt-*"):
                if older != self.attempt:
                    shutil.rmtree(older, ignore_errors=True)
        best, value = self.best_tick(), self.training.history[tick - 1].get(self.objective)
        least = self.training.history[best - 1].get(self.objective) if best else None
        if value is None or (least is not None and not is_better(self.objective, value, least)):
            return
        kept = self.state / f"best-{tick:06d}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(path, self.state / ".best", dirs_exist_ok=True)
        (self.state / ".best").rename(kept)
        for older in self.state.glob("best-*"):
            if older != kept:
                shutil.rmtree(older, ignore_errors=True)

    def best_tick(self) -> int | None:
        """Of the checkpoint that is kept as the best."""
        found = [int(path.name.partition("-")[2]) for path in self.state.glob("best-*")]
        known = [tick for tick in found if tick <= len(self.training.history)]
        return max(known, default=None)


def _leave_model(
    settings: Mapping[str, Any], folder: Path, training: UnderWay, journal: _Journal
) -> None:
    """Write the model folder: the last tick's weights, with the best tick's beside them."""
    config, packs, state = training.config, training.packs, folder / "training"
    last, origin, notes = training.history[-1], settings["origin"], list(settings["notes"])
    if origin:
        searched = settings["searched"]
        asked = parse_config(searched, "the sweep's config") if searched else None
        asked = asked and asked.resolved(len(packs.own.indices("train")))
        notes.insert(0, verdict(origin, asked, config, last))
    results = {k: v for k, v in last.items() if k in ("images", "seconds") or k[:5] == "test_"}
    weights = {k: v.clone() for k, v in training.learner.generator.state_dict().items()}
    own, common = packs.own.summary(), packs.common.summary() if packs.common else None
    best = journal.best_tick()
    if best and best < len(training.history) and checkpoint.verify(state / f"best-{best:06d}"):
        kept, history = checkpoint.load(state / f"best-{best:06d}")
        training.learner.load_state_dict(kept["learner"])
        row, column = history[-1], journal.objective
        said = f"The best by {column} was tick {best} of {len(training.history)}"
        notes.append(f"{said}: {row[column]:.4g}, the last {last[column]:.4g}. It is in `best/`.")
        card = model_card("best", config, row, own, origin, column.partition("_")[0])
        save_model(folder / "best", training.learner.generator.state_dict(), config, card)
    if (state / "samples").exists():
        shutil.rmtree(folder / "samples", ignore_errors=True)
        os.replace(state / "samples", folder / "samples")
    card = model_card(folder.name, config, results, own, origin, common=common, notes=notes)
    save_model(folder, weights, config, card)
    write_atomic(state / "results.json", json.dumps(results | {"notes": notes}).encode())
