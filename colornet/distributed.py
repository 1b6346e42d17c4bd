"""The one door to Ray Train: final training, which survives its workers.

```
<folder>/model.safetensors  config.yaml  card.md      the model, written last
<folder>/training/config.yaml                         what is being trained
<folder>/training/ticks.jsonl                         one line a tick, by whichever attempt
<folder>/training/attempt-000/tick-000005/            checkpoints
```
`training/` is deleted when the model is there. The same command on the same folder resumes.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import train as ray_train
from ray.train.torch import TorchTrainer

from colornet import checkpoint
from colornet.card import model_card
from colornet.config import Config, parse_config
from colornet.errors import ColorsweepError, TrainingInterrupted
from colornet.packs import open_packs
from colornet.preparing import prepare
from colornet.storage import write_atomic

MAX_FAILURES = 3
POLL = 0.25
Show = Callable[[Mapping[str, Any]], None]


def train_final(
    config: Config, folder: Path, show: Show, origin: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Train a config to a model, or go on with what a killed training left in `folder`.

    Args:
        show: called with each tick's columns.
        origin: the `from` part of a best.yaml, for the card.

    Returns:
        the `test_*` columns, `images` and `seconds`.

    Raises:
        InputError: the folder holds another training or a model, or the data cannot be used.
        DivergedError, ColorsweepError: the training failed.
        TrainingInterrupted: stopped from outside, with a checkpoint.
    """
    config = prepare(config, folder)
    state = folder / "training"
    settings = {"config": config.to_dict(), "folder": str(folder.absolute()), "origin": origin}
    for left in ("stop", "pid"):  # by a killed training, whose process id may be another's now
        (state / left).unlink(missing_ok=True)
    with _ray() as cpus, _stop_on_signal(state):
        _fit({**settings, "cpus": cpus}, state, show)
    if (state / "stop").exists():
        raise TrainingInterrupted(f"{folder}: stopped with a checkpoint; the same command resumes")
    results = json.loads((state / "results.json").read_text())
    shutil.rmtree(state)
    return results


@contextlib.contextmanager
def _ray() -> Generator[int, None, None]:
    """A Ray of our own for the time of a training; yields the CPUs for its worker."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        if started:
            ray.shutdown()


def _fit(settings: dict[str, Any], state: Path, show: Show) -> None:
    """Run Ray Train in a thread, so that signals and progress stay in this one."""
    use_gpu = ray.cluster_resources().get("GPU", 0) > 0
    failure: list[BaseException] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as error:
            failure.append(error)

    logging.getLogger("ray.train").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="colorsweep-train-") as scratch:
        trainer = TorchTrainer(
            work,
            train_loop_config=settings,
            scaling_config=ray_train.ScalingConfig(
                num_workers=1, use_gpu=use_gpu, resources_per_worker=_resources(settings, use_gpu)
            ),
            run_config=ray_train.RunConfig(
                name="final",
                storage_path=scratch,
                failure_config=ray_train.FailureConfig(max_failures=MAX_FAILURES),
                worker_runtime_env={"worker_process_setup_hook": "colornet.interrupt.install"},
            ),
        )
        thread = threading.Thread(target=fit, name="ray-train", daemon=True)
        thread.start()
        shown = len(_ticks(state))
        while thread.is_alive():
            thread.join(POLL)
            for metrics in _ticks(state)[shown:]:
                shown += 1
                show(metrics)
    if failure:
        raise ColorsweepError(f"the training failed: {_root_cause(failure[0])}") from failure[0]


def _resources(settings: Mapping[str, Any], use_gpu: bool) -> dict[str, float]:
    return {"CPU": settings["cpus"], **({"GPU": 1} if use_gpu else {})}


def _root_cause(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:500] if lines else type(error).__name__


def _ticks(state: Path) -> list[dict[str, Any]]:
    try:
        lines = (state / "ticks.jsonl").read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextlib.contextmanager
def _stop_on_signal(state: Path) -> Generator[None, None, None]:
    """The first SIGINT or SIGTERM has the worker write a checkpoint; a second one ends at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if (state / "stop").exists():
            raise KeyboardInterrupt
        (state / "stop").touch()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((state / "pid").read_text()), signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(settings: dict[str, Any]) -> None:
    """What the Ray Train worker does: train from the latest checkpoint, then write the model."""
    from colornet.loop import train
    from colornet.worker import prepare_worker

    prepare_worker(settings["cpus"])
    folder = Path(settings["folder"])
    state = folder / "training"
    if (state / "stop").exists():
        return
    write_atomic(state / "pid", str(os.getpid()).encode())
    config = parse_config(settings["config"], str(state / "config.yaml"))
    ticks = _ticks(state)
    known = {line["tick"] for line in ticks}
    whole = "".join(json.dumps(line) + "\n" for line in ticks)  # without one torn by a crash
    write_atomic(state / "ticks.jsonl", whole.encode())

    def report(metrics: Mapping[str, Any], _checkpoint: Path | None) -> None:
        if metrics["tick"] not in known:
            with (state / "ticks.jsonl").open("a") as file:
                file.write(json.dumps(dict(metrics)) + "\n")
        ray_train.report(dict(metrics))

    attempt = state / f"attempt-{len(list(state.glob('attempt-*'))):03d}"
    attempt.mkdir()
    try:
        result = train(config, report, checkpoint.latest(state), folder=attempt)
    except TrainingInterrupted:
        if (state / "stop").exists():
            return
        raise
    assert result.generator is not None
    _leave_model(folder, config, result.generator, result.metrics, settings["origin"])


def _leave_model(
    folder: Path,
    config: Config,
    weights: Path,
    metrics: Mapping[str, Any],
    origin: Mapping[str, Any] | None,
) -> None:
    """Measure the generator on the test pictures, those of `evaluate_on` where there are any.

    Then write the model folder.
    """
    import torch
    from safetensors.torch import load_file

    from colornet.heldout import unseen
    from colornet.model import save_model
    from colornet.networks import build_generator

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = build_generator(config.generator, 0, device)
    generator.load_state_dict(load_file(weights))
    packs = open_packs(config)
    results: dict[str, Any] = {"images": metrics["images"], "seconds": metrics["seconds"]}
    if len(packs.judging.indices("test")):
        pictures = unseen(packs, config.data.image_size, device)
        results |= pictures.evaluate(generator).means() | pictures.baselines()
    common = packs.common.summary() if packs.common else None
    card = model_card(folder.name, config, results, packs.own.summary(), origin, common=common)
    save_model(folder, generator.state_dict(), config, card)
    write_atomic(folder / "training" / "results.json", json.dumps(results).encode())
