"""Final training through Ray Train: the folder it claims, the model it leaves, its resume."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colornet.config.config import Config, parse_config
from colornet.errors import ClusterError, ColorsweepError, InputError, StorageError
from colornet.model.model import load_model
from colornet.training.final import read_ticks

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
    from colornet.training.distributed import train_final

    folder = tmp_path_factory.mktemp("models") / "mine"
    shown: list[Any] = []
    origin = {"sweep": "s1", "point_id": "p1"}
    yield folder, train_final(CONFIG, folder, shown.append, origin), shown


class _Failed(Exception):
    """As Ray Train's: a text with tracebacks, and what each worker raised."""

    def __init__(self, text: str, *failures: Exception) -> None:
        super().__init__(text)
        self.worker_failures = dict(enumerate(failures))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            _Failed("Traceback …", ValueError("x"), StorageError("/m: cannot be written: full")),
            StorageError,
            "/m: cannot be written: full.\nMend that (free some space, or make it writable), then "
            "give the same command again: it goes on from the last checkpoint.",
        ),
        (
            _Failed("Traceback …", ColorsweepError("/m: not seen.\nGive --out another.")),
            ColorsweepError,
            "the training failed: /m: not seen.\nGive --out another.",
        ),
        (
            _Failed("Training failed:\nTraceback …\nValueError: no\n", ValueError("no")),
            ColorsweepError,
            "the training failed: ValueError: no",
        ),
        (RuntimeError(), ColorsweepError, "the training failed: RuntimeError"),
    ],
)
def test_what_ended_a_training(error: Exception, kind: type, said: str) -> None:
    from colornet.training.distributed import _training_error

    found = _training_error(error)
    assert (type(found), str(found)) == (kind, said)


def test_it_leaves_a_model_and_nothing_else(
    trained: tuple[Path, dict[str, Any], list[Any]],
) -> None:
    folder, results, shown = trained
    names = sorted(path.name for path in folder.iterdir())
    assert set(names) - {"best"} == {
        *("card.md", "config.yaml", "manifest.json", "model.safetensors", "samples")
    }
    sheets = sorted(path.name for path in (folder / "samples").iterdir())
    assert sheets == [f"tick-{tick:06d}.png" for tick in (1, 2, 3, 4)]
    assert [metrics["tick"] for metrics in shown] == [1, 2, 3, 4]
    assert results["images"] == shown[-1]["images"]
    assert 0 < results["test_ab_mae"] < 100
    assert results["test_ab_mae_baseline"] > 0
    json.dumps(results, allow_nan=False)
    card = (folder / "card.md").read_text()
    assert "- sweep: s1" in card
    assert "- The sweep promised nothing: this configuration was not confirmed" in card
    assert results["notes"][0].startswith("The sweep promised nothing")
    assert f"| ab MAE | {results['test_ab_mae']:.4g} | Lab units |" in card
    assert load_model(folder) is not None


def test_its_config_is_resolved(trained: tuple[Path, dict[str, Any], list[Any]]) -> None:
    from colornet.config.catalog import load_config

    training = load_config(str(trained[0] / "config.yaml")).training
    assert training.epochs is None
    assert training.images is not None and training.images > 80


@pytest.mark.parametrize("held", ["model", "files", "file", "another training"])
def test_a_folder_that_is_another_s(
    trained: tuple[Path, dict[str, Any], list[Any]], tmp_path: Path, held: str
) -> None:
    from colornet.training.distributed import train_final
    from colornet.training.final_checks import _claim

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
    from colornet.data.packed import open_pack
    from colornet.training import loop
    from colornet.training.distributed import train_final
    from colornet.training.final_checks import _claim

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


NODES = [{"CPU": 8.0, "GPU": 2.0, "memory": 1e9}, {"CPU": 4.0}, {"CPU": 6.0, "GPU": 1.0}]


@pytest.mark.parametrize(
    ("count", "gpus", "expected"),
    [
        (1, None, {"CPU": 8, "GPU": 1}),
        (3, None, {"CPU": 4, "GPU": 1}),
        (2, 0, {"CPU": 6}),
        (3, 0, {"CPU": 4}),
        (18, 0, {"CPU": 1}),
        (6, 0.5, {"CPU": 2, "GPU": 0.5}),
        (1, 2, {"CPU": 8, "GPU": 2}),
    ],
)
def test_workers_get_what_all_of_them_can_have(
    count: int, gpus: float | None, expected: dict[str, float]
) -> None:
    from colornet.training.distributed import Workers, worker_resources

    assert worker_resources(NODES, Workers(count, gpus)) == expected


@pytest.mark.parametrize(
    ("count", "gpus", "said"),
    [
        (4, None, "--workers 4: each needs 1 CPU and 1 GPU, and there is room for 3: "),
        (19, 0, "--workers 19: each needs 1 CPU, and there is room for 18: "),
        (1, 3, "--workers 1: each needs 1 CPU and 3 GPUs, and there is room for 0: "),
    ],
)
def test_impossible_workers_are_refused_with_the_numbers(
    count: int, gpus: float | None, said: str
) -> None:
    from colornet.training.distributed import Workers, worker_resources

    with pytest.raises(InputError) as refused:
        worker_resources(NODES, Workers(count, gpus))
    text = str(refused.value)
    assert text.startswith(said)
    assert "the cluster has 18 CPUs and 3 GPUs on 3 nodes." in text
    assert len(text.splitlines()) <= 3


def test_a_worker_that_was_killed_for_memory_is_said_to_be() -> None:
    from colornet.training.distributed import _training_error

    error = RuntimeError(
        "Training failed due to worker errors:\n[Rank 0 Error Snippet]:\n"
        "ray.exceptions.OutOfMemoryError: 1 worker(s) were killed due to the node running low on "
        "memory. Memory on the node was 22 GB / 23 GB.\n"
        "Refer to the documentation on how to address the out of memory issue: https://docs.ray.io"
    )
    said = str(_training_error(error))
    assert said.startswith("the training failed: the machine ran out of memory")
    assert "the same command goes on" in said
    assert len(said.splitlines()) == 2
    assert str(_training_error(RuntimeError("a\nwhy\n"))) == "the training failed: why"


def test_no_node_has_room_for_nobody() -> None:
    from colornet.training.distributed import Workers, worker_resources

    with pytest.raises(InputError, match="0 CPUs and 0 GPUs on 0 nodes"):
        worker_resources([], Workers())


def test_nobody_answers(tmp_path: Path) -> None:
    from colornet.training.distributed import Workers, train_final

    with pytest.raises(ClusterError, match="no Ray cluster answers"):
        train_final(CONFIG, tmp_path / "m", lambda _: None, workers=Workers(address="127.0.0.1:9"))


LONG = parse_config(
    {
        "data": {"source": "scenes", "pictures": 400, "image_size": 16},
        "generator": {"kind": "unet", "width": 16, "depth": 2, "norm": "none"},
        "training": {"images": 24_000, "ticks": 12, "batch_size": 16, "checkpoint_every": 1},
    },
    "test",
)
DRIVER = """
import json, sys
from pathlib import Path
from colornet.config.config import parse_config
from colornet.training.distributed import Workers, train_final
config = parse_config(json.loads(sys.argv[1]), "test")
results = train_final(config, Path(sys.argv[2]), lambda m: None, workers=Workers(2, 0))
print(json.dumps(results))
"""


def driver(folder: Path) -> subprocess.Popen[str]:
    """A process that trains LONG on two workers."""
    command = [sys.executable, "-c", DRIVER, json.dumps(LONG.to_dict()), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_tick(folder: Path, tick: int, process: subprocess.Popen[str]) -> None:
    """Until so many ticks were reported."""
    deadline = time.monotonic() + 300
    while len(read_ticks(folder / "training")) < tick:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of the training workers of a driver's own Ray."""
    session = f"session_[0-9_-]+_{process.pid}"
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (path / "cmdline").read_bytes()
            if name.startswith(b"ray::") and b"RayTrainWorker" in name:
                opened = (path / "environ").read_text(errors="replace")
                opened += " ".join(os.readlink(file) for file in (path / "fd").iterdir())
                if re.search(session, opened):
                    found.append(int(path.name))
    return found


@pytest.mark.slow
def test_it_survives_a_worker_and_its_driver(tmp_path: Path) -> None:
    """The same pictures seen, and metrics within rounding: two workers, without noise."""
    undisturbed = driver(tmp_path / "undisturbed")
    assert undisturbed.wait(600) == 0 and undisturbed.stdout is not None
    expected = json.loads(undisturbed.stdout.read())
    folder = tmp_path / "disturbed"
    first = driver(folder)
    wait_for_tick(folder, 2, first)
    training = workers_of(first)
    assert len(training) == 2
    os.kill(training[-1], signal.SIGKILL)
    wait_for_tick(folder, 5, first)
    assert len(list((folder / "training").glob("attempt-*"))) <= 2
    first.kill()
    first.wait()
    second = driver(folder)
    wait_for_tick(folder, 7, second)
    second.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert second.wait(60) != 0  # stopped, with a checkpoint
    assert time.monotonic() - asked < 40
    third = driver(folder)
    assert third.wait(600) == 0 and third.stdout is not None
    results = json.loads(third.stdout.read())
    assert results["images"] == expected["images"] == 24_000
    for name in ("test_ab_mae", "test_psnr", "test_colorfulness_ratio"):
        assert results[name] == pytest.approx(expected[name], rel=0.02)
    assert not (folder / "training").exists()
