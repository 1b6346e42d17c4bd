"""Trainings that span processes are the trainings that one process does alone."""

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from colornet import interrupt, ranks
from colornet.config.config import Config
from colornet.errors import ColorsweepError, DivergedError, InputError, TrainingInterrupted
from colornet.networks.layers import BatchNorm, synchronize_batch_norm
from colornet.ranks import Ranks
from colornet.training import checkpoint
from colornet.training.learner import Learner
from colornet.training.loop import start_training, train
from colornet.training.steps import PictureFeed

CPU = torch.device("cpu")
Build = Callable[..., Config]
Spread = Callable[[int, Callable[[int], Any]], list[Any]]
CALM = {"norm": "none"}
"""No batch normalization, whose statistics are each rank's own."""
GAN = {
    "generator": CALM,
    "discriminator": CALM,
    "training": {"images": 84, "ticks": 3, "batch_size": 7, "checkpoint_every": 1},
}
CASES: dict[str, dict[str, dict[str, Any]]] = {
    "gan": {},
    "everything": {
        "loss": {"r1_gamma": 2.0, "gate_accuracy": 0.45, "discriminator_steps": 2},
        "optimizer": {"clip_norm": 0.5, "ema_decay": 0.8},
        "schedule": {"kind": "plateau", "patience": 1},
    },
    "regression": {"loss": {"method": "regression", "mse_weight": 1.0}},
    "cyclegan": {
        "loss": {"method": "cyclegan", "pool": 0},
        "discriminator": {"conditional": False},
    },
    "batch norm": {
        "generator": {"norm": "batch"},
        "discriminator": {"norm": "batch"},
        "loss": {"r1_gamma": 2.0},
        "training": {"sync_batch_norm": True},
    },
    # Not hinge: the gradient of its last bias is 0, of which Adam makes much when it is 1e-9.
    "mixed batches": {
        "discriminator": {"norm": "instance"},
        "loss": {"adversarial": "lsgan", "discriminator_batches": "mixed"},
    },
    "instance and spectral norm": {
        "generator": {"norm": "instance"},
        "discriminator": {"norm": "spectral"},
        "loss": {"discriminator_batches": "alternate"},
    },
}


def config_of(tiny: Build, case: dict[str, dict[str, Any]]) -> Config:
    """A config of these sections over GAN's."""
    names = GAN.keys() | case.keys()
    return tiny(**{name: {**GAN.get(name, {}), **case.get(name, {})} for name in names})


def trained(config: Config, folder: Path) -> Callable[[int], dict[str, Any]]:
    """A task: train; everything that is compared."""

    def task(_rank: int) -> dict[str, Any]:
        rows: list[Any] = []
        result = train(config, lambda metrics, _path: rows.append(metrics), folder=folder)
        weights = load_file(result.generator) if result.generator else {}
        return {
            "rows": rows,
            "last": result.metrics,
            "pictures": [row["ab_mae"] for row in result.pictures],
            "weights": {name: value.numpy() for name, value in weights.items()},
        }

    return task


def measured(row: dict[str, Any]) -> dict[str, float]:
    """What a tick says of the training, without what it says of the machine."""
    shown = ("tick", "images", "train_", "val_", "diag_")
    return {k: v for k, v in row.items() if k.startswith(shown) and v is not None}


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 64])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_parts_are_disjoint_and_cover_everything(count: int, world: int) -> None:
    things = list(range(count))
    parts = [things[Ranks(rank, world).part(count)] for rank in range(world)]
    assert [thing for part in parts for thing in part] == things
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    if count:
        assert sum(Ranks(rank, world).share(count) for rank in range(world)) == pytest.approx(1)


def test_one_rank_is_left_as_it_is() -> None:
    alone, tensor = Ranks.here(CPU), torch.ones(2)
    alone.sum_([tensor])
    alone.mean_([tensor], 0.5)
    assert tensor.tolist() == [1, 1]
    assert alone.maximum([3.0]) == [3.0]
    assert (alone.gather("a"), alone.broadcast("a")) == (["a"], "a")
    with alone.on_first() as is_first:
        assert is_first


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "everything" else pytest.mark.slow) for name in CASES],
)
def test_several_ranks_learn_what_one_learns(
    pack: Any, tiny: Build, on_ranks: Spread, tmp_path: Path, name: str
) -> None:
    config = config_of(tiny, CASES[name])
    alone = trained(config, tmp_path / "1")(0)
    first, *others = on_ranks(3 if name == "gan" else 2, trained(config, tmp_path / "2"))
    assert len(alone["rows"]) == len(first["rows"]) == 3
    assert alone["rows"][0]["train_loss_l1"] != alone["rows"][-1]["train_loss_l1"]
    assert alone["rows"][-1]["diag_grad_norm_generator"]
    for one, many in zip(alone["rows"], first["rows"], strict=True):
        assert measured(many) == pytest.approx(measured(one), rel=1e-4, abs=1e-5)
    assert first["pictures"] == pytest.approx(alone["pictures"], rel=1e-3)
    for weight, values in alone["weights"].items():
        np.testing.assert_allclose(first["weights"][weight], values, rtol=1e-4, atol=5e-6)
    for other in others:
        assert measured(other["last"]) == measured(first["last"])
        assert (other["rows"], other["pictures"], other["weights"]) == ([], [], {})


def test_each_rank_sees_its_own_pictures_and_together_they_see_all(
    pack: Any, tiny: Build, on_ranks: Spread, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, int]] = []
    real = PictureFeed.batch

    def batch(feed: PictureFeed, seen: int, count: int) -> Any:
        taken.append((seen, count))
        return real(feed, seen, count)

    monkeypatch.setattr(PictureFeed, "batch", batch)

    def task(_rank: int) -> list[int]:
        learner = Learner(config_of(tiny, {}), pack, CPU)
        for _ in range(6):
            learner.take_step([])
        return [place for seen, count in taken for place in range(seen, seen + count)]

    one, two, three = on_ranks(3, task)
    assert [len(one), len(two), len(three)] == [12, 12, 18]
    assert sorted(one + two + three) == list(range(42))


def test_noise_is_each_rank_s_own_and_the_first_s_is_that_of_one_rank(
    pack: Any, tiny: Build, on_ranks: Spread
) -> None:
    def task(_rank: int = 0) -> list[float]:
        Learner(config_of(tiny, {}), pack, CPU)
        return torch.rand(4).tolist()

    one, two, three = on_ranks(3, task)
    assert one == task()
    assert len({tuple(one), tuple(two), tuple(three)}) == 3


def test_running_statistics_are_the_mean_of_the_ranks(
    pack: Any, tiny: Build, on_ranks: Spread
) -> None:
    """By default batch normalization learns by each rank's own part: its noise is that of fewer."""
    config = config_of(tiny, {"generator": {"norm": "batch"}, "optimizer": {"ema_decay": 0.9}})

    def task(_rank: int) -> list[list[float]]:
        learner = Learner(config, pack, CPU)
        for _ in range(3):
            learner.take_step([])
        own = buffers(learner.method.generator)
        learner.sync_buffers()
        return [own, buffers(learner.method.generator), buffers(learner.generator)]

    def buffers(network: torch.nn.Module) -> list[float]:
        found = dict(network.named_buffers())
        return torch.cat([v.flatten() for k, v in found.items() if "running" in k]).tolist()

    (own, mean, kept), (others, others_mean, others_kept) = on_ranks(2, task)
    assert own != pytest.approx(others, rel=1e-3)
    expected = [3 / 7 * first + 4 / 7 * second for first, second in zip(own, others, strict=True)]
    assert mean == others_mean == pytest.approx(expected, rel=1e-5)
    assert mean == kept == others_kept


def test_evaluations_are_shared_and_whole(
    pack: Any, tiny: Build, on_ranks: Spread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of 3 of 10 pictures: the fixed ones are on several ranks, one rank has less."""
    monkeypatch.setattr("colornet.evaluation.evaluation.BATCH", 3)
    by_batch = {"norm": "batch", "batch_statistics": True}
    config = config_of(tiny, {"generator": by_batch, "training": {"batch_size": 8}})

    def task(_rank: int = 0) -> dict[str, Any]:
        with start_training(config) as training:
            found = training.held_out["val"].evaluate(training.learner.generator)
        values = {name: value.numpy() for name, value in found.values.items()}
        return {"values": values, "overall": found.overall, "fixed": found.fixed_rgb}

    alone = task()
    for many in on_ranks(3, task) + on_ranks(8, task):
        assert not isinstance(many, BaseException), many
        np.testing.assert_equal(many["values"], alone["values"])
        np.testing.assert_equal(many["fixed"], alone["fixed"])
        assert many["overall"] == pytest.approx(alone["overall"], nan_ok=True)


def test_a_batch_that_does_not_go_round(pack: Any, tiny: Build, on_ranks: Spread) -> None:
    config = config_of(tiny, {"training": {"batch_size": 1}})
    for error in on_ranks(2, trained(config, Path("nowhere"))):
        assert isinstance(error, InputError)
        assert str(error).startswith("training.batch_size: 1: fewer pictures than the 2 workers")
        assert len(str(error).splitlines()) <= 3


@pytest.mark.parametrize("restores", [0, 1])
def test_what_diverges_on_one_rank_diverges_on_all(
    pack: Any,
    tiny: Build,
    on_ranks: Spread,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restores: int,
) -> None:
    real = Learner.take_step

    def task(rank: int) -> Any:
        def take_step(learner: Learner, history: Any) -> None:
            if rank == 1 and learner.seen == 42 and not learner.restores:
                with torch.no_grad():
                    next(learner.method.generator.parameters()).fill_(torch.nan)
            real(learner, history)

        monkeypatch.setattr(Learner, "take_step", take_step)
        return trained(config_of(tiny, {"training": {"restores": restores}}), tmp_path)(rank)

    ends = on_ranks(2, task)
    if restores:
        assert [end["last"]["diag_restores"] for end in ends] == [1, 1]
        assert measured(ends[0]["last"]) == measured(ends[1]["last"])
    else:
        assert [type(end) for end in ends] == [DivergedError, DivergedError]
        assert str(ends[0]) == str(ends[1])


NOISY = {
    "generator": {"norm": "batch", "dropout": 0.3},
    "discriminator": {"norm": "batch"},
    "training": {"batch_size": 8, "images": 96},
}


def interrupted(config: Config, folder: Path, at: int, by: int = 1) -> Callable[[int], Any]:
    """A task: rank `by` is asked to stop once so many pictures were seen."""

    def task(rank: int) -> Any:
        real = Learner.take_step

        def take_step(learner: Learner, history: Any) -> None:
            real(learner, history)
            if rank == by and learner.seen == at:
                interrupt.requested.set()

        Learner.take_step = take_step
        return trained(config, folder)(rank)

    return task


def resumed(config: Config, path: Path | None, folder: Path) -> Callable[[int], Any]:
    """A task: go on from a checkpoint; the last tick, and the weights."""

    def task(_rank: int = 0) -> Any:
        rows: list[Any] = []
        result = train(config, lambda row, _path: rows.append(row), path, folder=folder)
        weights = load_file(result.generator) if result.generator else {}
        return result.metrics, {name: value.numpy() for name, value in weights.items()}

    return task


def test_a_request_to_one_rank_stops_all_at_the_same_step(
    pack: Any, tiny: Build, on_ranks: Spread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With noise and own statistics: what goes on on as many ranks is what was interrupted."""
    config = config_of(tiny, NOISY)
    monkeypatch.setattr(ranks, "CHECK_SECONDS", 0.0)  # a look before every step
    folder = tmp_path / "stopped"
    ends = on_ranks(2, interrupted(config, folder, at=40))
    assert [type(end) for end in ends] == [TrainingInterrupted, TrainingInterrupted]
    assert {str(end).partition(":")[0] for end in ends} == {"interrupted after 40 images"}
    path = checkpoint.latest(folder)
    assert path is not None and path.name == checkpoint.name(1, 40)
    whole = on_ranks(2, resumed(config, None, tmp_path / "whole"))[0]
    again = on_ranks(2, resumed(config, path, tmp_path / "again"))[0]
    assert measured(again[0]) == pytest.approx(measured(whole[0]), rel=1e-5, abs=1e-6)
    for name, values in whole[1].items():
        np.testing.assert_allclose(again[1][name], values, rtol=1e-4, atol=1e-6)


def test_a_checkpoint_goes_on_on_any_number_of_ranks(
    pack: Any, tiny: Build, on_ranks: Spread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tiny, {"optimizer": {"ema_decay": 0.8}})
    monkeypatch.setattr(ranks, "CHECK_SECONDS", 0.0)
    on_ranks(3, interrupted(config, tmp_path / "stopped", at=49, by=2))
    path = checkpoint.latest(tmp_path / "stopped")
    assert path is not None and path.name == checkpoint.name(1, 49)
    whole = trained(config, tmp_path / "whole")(0)
    for world in (1, 2, 4):
        task = resumed(config, path, tmp_path / str(world))
        last, weights = on_ranks(world, task)[0] if world > 1 else task()
        assert measured(last) == pytest.approx(measured(whole["last"]), rel=2e-3, abs=2e-4)
        for name, values in whole["weights"].items():
            np.testing.assert_allclose(weights[name], values, rtol=5e-3, atol=5e-5)


def test_ranks_beyond_those_of_a_checkpoint_have_noise_of_their_own(
    pack: Any, tiny: Build, on_ranks: Spread, tmp_path: Path
) -> None:
    config = config_of(
        tiny, {"loss": {"method": "cyclegan", "pool": 6}, "discriminator": {"conditional": False}}
    )
    trained(config, tmp_path / "alone")(0)
    path = checkpoint.latest(tmp_path / "alone")
    assert path is not None

    def task(_rank: int) -> tuple[list[float], int]:
        with start_training(config) as training:
            training.load_checkpoint(path)
            pool = training.learner.method.state_dict()["pool"]["held"]
            return torch.rand(4).tolist(), len(pool)

    ends = on_ranks(3, task)
    assert len({tuple(noise) for noise, _ in ends}) == 3
    assert [pool for _, pool in ends] == [2, 2, 2]


@pytest.mark.parametrize("error", [TrainingInterrupted("the sweep ended it"), OSError(28, "full")])
def test_what_the_first_rank_s_report_raises_ends_all(
    pack: Any, tiny: Build, on_ranks: Spread, error: Exception
) -> None:
    def report(_metrics: Any, _path: Path | None) -> None:
        raise error

    first, *others = on_ranks(3, lambda _rank: train(config_of(tiny, {}), report))
    assert (type(first), str(first)) == (type(error), str(error))
    expected = type(error) if isinstance(error, TrainingInterrupted) else ColorsweepError
    for other in others:
        assert type(other) is expected
        assert str(other) == f"the first rank ended: {type(error).__name__}: {error}"


def test_looks_are_seconds_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: ranks of steps of 10 ms and of 0.5 s look together, every 2 s of the slower one's.

    One that becomes ten times slower is still asked within 20 s.
    """
    now, looks = [100.0], []

    class Two(Ranks):
        def maximum(self, values: Any) -> list[float]:
            looks.append(now[0])
            return [values[0], max(values[1], 0.5) if slow[0] == 0.5 else values[1]]

    slow = [0.5]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stops = ranks.StopChecks(Two(0, 2))

    def go(steps: int) -> list[float]:
        looks.clear()
        for _ in range(steps):
            assert not stops.requested()
            now[0] += slow[0]
        return [later - earlier for earlier, later in pairwise(looks)]

    assert go(40)[2:] == [2.0] * len(looks[3:])
    slow[0] = 0.01
    assert max(go(2000)[3:]) <= 2.01
    slow[0] = 0.1
    assert max(go(600)) <= 20.1
    stops.begin()
    before = now[0]
    go(1)
    assert looks == [before]
    interrupt.requested.set()
    stops.begin()
    assert stops.requested()


def test_gates_look_at_the_whole_batch(pack: Any, tiny: Build, on_ranks: Spread) -> None:
    def task(_rank: int = 0) -> dict[str, float]:
        learner = Learner(config_of(tiny, {"loss": {"gate_accuracy": 0.45}}), pack, CPU)
        learner.take_step([])
        memory = learner.method.state_dict()["memory"]
        return {name: float(value) for name, value in memory.items()}

    first, second = on_ranks(2, task)
    assert first == second == pytest.approx(task(), rel=1e-5)
    assert set(first) == {"loss_real", "loss_fake", "accuracy_real", "accuracy_fake"}


def test_synchronized_batch_normalization_is_that_of_the_whole_batch(on_ranks: Spread) -> None:
    whole = 3 + 2 * torch.randn(5, 4, 2, 2)
    layer = BatchNorm(4)
    expected = layer(whole)

    def task(rank: int) -> list[Any]:
        mine = BatchNorm(4)
        synchronize_batch_norm(mine)
        out = mine(whole[Ranks(rank, 2).part(5)])
        return [part.detach().numpy() for part in (out, mine.running_mean, mine.running_var)]

    (first, *kept), (second, *others) = on_ranks(2, task)
    found = np.concatenate((first, second))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    for own, other, statistic in zip(
        kept, others, (layer.running_mean, layer.running_var), strict=True
    ):
        np.testing.assert_array_equal(own, other)
        np.testing.assert_allclose(own, statistic, rtol=1e-5)


def test_threads_and_denormals() -> None:
    code = (
        "from colornet.ranks import prepare_worker\n"
        "import torch\n"
        "prepare_worker(1)\n"
        "tiny = torch.tensor([1e-39])\n"
        "print(torch.get_num_threads(), (tiny * 0.5).item())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0.0"]
