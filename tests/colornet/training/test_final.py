"""What the workers of a final training keep and leave, without Ray."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from colornet import interrupt
from colornet.config.config import Config, parse_config
from colornet.data.packs import open_packs
from colornet.data.picture_files import suffixes
from colornet.errors import ColorsweepError, InputError, StorageError, TrainingInterrupted
from colornet.model.lightness import TrainingLightness
from colornet.model.model import load_model
from colornet.training import checkpoint, final, loop
from colornet.training.final import _Journal, grid, read_ticks, stop_requested, work
from colornet.training.final_checks import prepare

Spread = Callable[[int, Callable[[int], Any]], list[Any]]
VALUES: dict[str, Any] = {
    "data": {"source": "scenes", "pictures": 80, "image_size": 16},
    "generator": {"kind": "unet", "width": 4, "depth": 2},
    "optimizer": {"ema_decay": 0.5},
    "training": {"images": 128, "ticks": 4, "batch_size": 16, "checkpoint_every": 1},
}
COMMON = {"source": "scenes", "image_size": 32, "pictures": 60, "seed": 3}


@pytest.fixture(autouse=True)
def denormals_afterwards() -> Iterator[None]:
    """A worker flushes them, which later tests in this process must not find."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """What the driver gives to workers; the folder is claimed as it does."""
    config = prepare(parse_config({**VALUES, **changes}, "test"), folder)
    (folder / "training" / "signal").touch()
    return {
        "config": config.to_dict(),
        "searched": None,
        "folder": str(folder),
        "origin": {"sweep": "s1"},
        "objective": "val_ab_mae",
        "keep": "best",
        "cpus": 1,
        "notes": ["A note."],
    }


def fake_values(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Have ticks report these val_ab_mae."""
    real = loop.TrainingRun.measure

    def measure(training: loop.TrainingRun, tick: int, means: dict[str, float]) -> Any:
        return real(training, tick, means) | {"val_ab_mae": values[tick - 1]}

    monkeypatch.setattr(loop.TrainingRun, "measure", measure)


@pytest.mark.parametrize(("world", "keep"), [(1, "best"), (2, "best"), (1, "last")])
def test_the_best_tick_s_weights_are_the_model_and_the_last_s_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_ranks: Spread, world: int, keep: str
) -> None:
    fake_values(monkeypatch, [5.0, 3.0, 4.0, 4.5])
    folder = tmp_path / "m"
    given = settings(folder) | {"keep": keep}
    ends = on_ranks(world, lambda _rank: work(given))
    assert ends == [None] * world
    state = folder / "training"
    assert [path.name for path in state.glob("best-*")] == ["best-000002"]
    kept = sorted(path.name for path in state.glob("attempt-*/tick-*"))
    assert kept == ["tick-000003", "tick-000004"]  # the last, and one in case it is damaged
    assert [line["tick"] for line in read_ticks(state)] == [1, 2, 3, 4]
    other = {"best": "last", "last": "best"}[keep]
    assert (folder / other).is_dir() and not (folder / keep).exists()
    models = {keep: load_model(folder), other: load_model(folder / other)}
    saved = {"best": checkpoint.load(state / "best-000002")[0]}
    saved["last"] = checkpoint.load(max(state.glob("attempt-*/tick-000004")))[0]
    for name, model in models.items():
        expected = saved[name]["learner"]["average"]["network"]
        own = model.generator.state_dict()
        assert all((own[path] == value).all() for path, value in expected.items())
    said = {
        "best": "Its weights are those of tick 2 of 4, the best by val_ab_mae: 3. In `last/` are "
        "those of the last tick, 4: val_ab_mae 4.5.",
        "last": "Its weights are those of the last tick, 4: val_ab_mae 4.5. In `best/` are those "
        "of tick 2 of 4, the best by val_ab_mae: 3.",
    }[keep]
    card = (folder / "card.md").read_text()
    assert f"- {said}" in card and "- A note." in card
    assert "On the test pictures" in (folder / other / "card.md").read_text()
    results = json.loads((state / "results.json").read_text())
    assert (results["tick"], results["kept"]) == ({"best": 2, "last": 4}[keep], keep)
    assert len(list((folder / "samples").iterdir())) == 4


def test_the_test_pictures_are_measured_with_the_weights_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_values(monkeypatch, [5.0, 3.0, 4.0, 4.5])
    tested = []
    for keep in ("best", "last"):
        folder = tmp_path / keep
        given = settings(folder) | {"keep": keep}
        work(given)
        results = json.loads((folder / "training" / "results.json").read_text())
        with loop.start_training(parse_config(given["config"], "test"), test=True) as training:
            training.learner.generator.load_state_dict(load_model(folder).generator.state_dict())
            measured = training.held_out["test"].evaluate(training.learner.generator).means()
        assert results["test_ab_mae"] == pytest.approx(measured["test_ab_mae"], rel=1e-4)
        tested.append(results["test_ab_mae"])
    assert tested[0] != pytest.approx(tested[1], rel=1e-3)


def test_the_last_tick_may_be_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_values(monkeypatch, [5.0, 4.0, 3.0, 2.0])
    work(settings(tmp_path / "m"))
    assert not (tmp_path / "m" / "best").exists()
    assert not (tmp_path / "m" / "last").exists()
    said = "Its weights are those of the last tick, 4, the best by val_ab_mae."
    assert said in (tmp_path / "m" / "card.md").read_text()


def test_a_model_that_is_no_better_than_one_color_says_so_first(tmp_path: Path) -> None:
    work(settings(tmp_path / "m", optimizer={"generator_lr": 1e-7}))
    results = json.loads((tmp_path / "m" / "training" / "results.json").read_text())
    first, why = results["shortfalls"]
    assert first.startswith("It is no better than one color everywhere: ab MAE ")
    assert why.startswith("It ")
    assert (tmp_path / "m" / "card.md").read_text().splitlines()[2] == f"**{first}**"


@pytest.mark.parametrize(("pictures", "is_known"), [(80, False), (160, True)])
def test_the_model_keeps_what_its_pictures_lightness_was_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: int, is_known: bool
) -> None:
    fake_values(monkeypatch, [5.0, 3.0, 4.0, 4.5])
    given = settings(tmp_path / "m", data=VALUES["data"] | {"pictures": pictures})
    work(given)
    for folder in (tmp_path / "m", tmp_path / "m" / "last"):
        kept = TrainingLightness.kept_in(folder)
        assert (kept is not None) is is_known
        assert ("L* in 0 to 255" in (folder / "card.md").read_text()) is is_known
        load_model(folder)


def test_what_is_better_depends_on_the_objective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_values(monkeypatch, [5.0, 3.0, 4.0, 4.5])
    work(settings(tmp_path / "m") | {"objective": "val_psnr"})
    ticks = read_ticks(tmp_path / "m" / "training")
    best = max(ticks, key=lambda line: line["val_psnr"])["tick"]
    kept = [path.name for path in (tmp_path / "m" / "training").glob("best-*")]
    assert kept == [f"best-{best:06d}"]


@pytest.mark.parametrize("common", [None, COMMON])
def test_the_pictures_that_judge_test_the_model(
    tmp_path: Path, common: dict[str, Any] | None
) -> None:
    given = settings(tmp_path / "m", evaluate_on=common)
    work(given)
    results = json.loads((tmp_path / "m" / "training" / "results.json").read_text())
    assert results["test_ab_mae"] > 0 and results["images"] == 128
    config = parse_config(given["config"], "test")
    tested = open_packs(config).evaluation.summary()
    card = (tmp_path / "m" / "card.md").read_text()
    measured = f"the {tested['splits']['test']} test pictures of `evaluate_on` at 32 pixels"
    assert (measured in card) is (common is not None)


def test_attempts_go_on_and_tidy_up_after_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    given, state = settings(folder), folder / "training"
    config = Config.model_validate(given["config"])

    class Killed(BaseException):
        pass

    lines: list[str] = []

    def report(metrics: Any, _path: Path | None) -> None:
        lines.append(json.dumps(metrics) + "\n")
        if metrics["tick"] == 2:
            raise Killed

    (state / "attempt-000").mkdir()
    with pytest.raises(Killed):
        loop.train(config, report, folder=state / "attempt-000")
    (state / "ticks.jsonl").write_text("".join(lines) + '{"tick": 3, "ima')
    work(given)
    assert [line["tick"] for line in read_ticks(state)] == [1, 2, 3, 4]
    assert [path.name for path in state.glob("attempt-*")] == ["attempt-001"]


def test_an_attempt_that_another_has_followed_ends(tmp_path: Path) -> None:
    attempts = [tmp_path / f"attempt-{number:03d}" for number in range(2)]
    for attempt in attempts:
        attempt.mkdir()
    journal = _Journal(attempts[0], None, "val_ab_mae")  # ty: ignore[invalid-argument-type]
    with pytest.raises(TrainingInterrupted, match="another attempt"):
        journal.report({"tick": 1}, None)


@pytest.mark.parametrize(
    ("place", "writes"),
    [(final, "write_atomic"), (final.shutil, "copytree"), (final, "save_model")],
)
def test_a_full_disk_is_told_and_what_was_written_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, writes: str
) -> None:
    folder = tmp_path / "m"
    order = settings(folder)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(place, writes, full)
        with pytest.raises(StorageError, match=f"^{folder}.*: cannot be written: No space left"):
            work(order)
    work(order)
    assert [line["tick"] for line in read_ticks(folder / "training")] == [1, 2, 3, 4]
    assert (folder / "model.safetensors").is_file()


def test_a_request_to_stop_leaves_a_checkpoint(tmp_path: Path, on_ranks: Spread) -> None:
    folder = tmp_path / "m"
    given = settings(folder, training={**VALUES["training"], "images": 10**7, "ticks": 2})
    state = folder / "training"
    assert not stop_requested(state) and not stop_requested(tmp_path / "nowhere")

    def task(rank: int) -> None:
        if rank == 0:
            (state / "signal").write_text("stop")
        work(given)

    assert on_ranks(2, task) == [None, None]
    assert checkpoint.latest(state) is not None
    assert not (folder / "model.safetensors").exists()


def test_an_interruption_that_the_driver_did_not_ask_for_is_a_failure(tmp_path: Path) -> None:
    given = settings(tmp_path / "m")
    interrupt.requested.set()
    with pytest.raises(TrainingInterrupted):
        work(given)


def test_a_worker_that_reads_other_pictures(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(30):
        colors = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(colors).save(pictures / f"{seed}.{'avif' if seed % 2 else 'png'}")
    data = {"source": "folder", "root": str(pictures), "image_size": 16}
    less = [one for one in suffixes() if one != ".avif"]
    with pytest.raises(InputError, match=r"reads .*\.avif, which the machine that began does not"):
        work(settings(tmp_path / "m", data=data) | {"reads": less})
    assert not list((tmp_path / "m" / "training").glob("attempt-*"))


def test_a_folder_that_the_worker_does_not_see(tmp_path: Path) -> None:
    given = settings(tmp_path / "m") | {"folder": str(tmp_path / "elsewhere")}
    with pytest.raises(ColorsweepError, match="storage that every node sees"):
        work(given)


@pytest.mark.parametrize("name", ["x", "1x", "", "-1", "٣", "1" * 30])
def test_a_name_that_is_no_number_is_no_attempt(tmp_path: Path, name: str) -> None:
    for kind in ("attempt", "best"):
        (tmp_path / f"{kind}-{name}").mkdir()
    (tmp_path / "attempt-007").mkdir()
    assert final._begin(tmp_path)[1].name == "attempt-008"
    assert final._numbered(tmp_path, "best") == []


@pytest.mark.parametrize("data", [b"\xff\n", b"[]\n", b"[" * 9000 + b"\n", b"{\n", b"a\0\n"])
def test_ticks_that_are_none_are_bad_input(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "ticks.jsonl").write_bytes(data)
    with pytest.raises(InputError):
        read_ticks(tmp_path)


@pytest.mark.parametrize(
    "line", ["no JSON", "[]", "{}", '{"tick": "1"}', '{"tick": 1, "images": "2"}']
)
def test_a_line_that_is_no_tick_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "ticks.jsonl").write_text(f'{{"tick": 1}}\n{line}\n')
    with pytest.raises(InputError, match=r"ticks\.jsonl: "):
        read_ticks(tmp_path)


@pytest.mark.parametrize(
    ("count", "side", "scale"), [(1, 16, 6), (8, 32, 3), (3, 96, 1), (2, 256, 1)]
)
def test_grey_prediction_and_truth_side_by_side(count: int, side: int, scale: int) -> None:
    true = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    predicted = np.full_like(true, 7)
    sheet = np.array(Image.open(io.BytesIO(grid(predicted, true))))
    cell = side * scale + 2
    assert sheet.shape == (count * cell, 3 * cell, 3)
    for row in range(count):
        grey, middle, right = (
            sheet[row * cell : (row + 1) * cell - 2 : scale, left : left + cell - 2 : scale]
            for left in (0, cell, 2 * cell)
        )
        assert (grey[..., 0] == grey[..., 1]).mean() > 0.9 and grey.std() > 10
        assert (middle == 7).all()
        assert (right == true[row]).all()
    assert (sheet[:, cell - 2 : cell] == 255).all()
