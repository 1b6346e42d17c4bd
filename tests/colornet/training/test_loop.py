"""Whole trainings, in the smallest size."""

import gc
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file

from colornet import interrupt
from colornet.config.columns import COSTS, DIAGNOSTICS, LOSSES, METRICS
from colornet.config.config import Config
from colornet.config.paths import TAGS
from colornet.config.sections.losses import AdversarialOptions
from colornet.config.sections.training import Training
from colornet.errors import DivergedError, InputError, TrainingInterrupted
from colornet.training import checkpoint, learner
from colornet.training.learner import identity_of
from colornet.training.loop import TrainingResult, train
from colornet.training.methods.player import Batch, Method
from colornet.training.steps import StepOptions, Totals

Build = Callable[..., Config]
METHODS = TAGS["loss"][1]
ADVERSARIAL = get_args(AdversarialOptions.model_fields["adversarial"].annotation)


def played(method: str) -> dict[str, dict[str, Any]]:
    """Sections of a config of this method."""
    return {"loss": {"method": method}, "discriminator": {"conditional": method != "cyclegan"}}


class Reports(list[dict[str, Any]]):
    """Collects what a training reports; can ask for its end."""

    def __init__(self, stop_after: int = 0) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.checkpoints: list[Path | None] = []

    def __call__(self, metrics: dict[str, Any], path: Path | None) -> None:
        assert path is None or checkpoint.verify(path)
        self.append(metrics)
        self.checkpoints.append(path)
        if metrics["tick"] == self.stop_after:
            interrupt.requested.set()

    def comparable(self) -> list[dict[str, Any]]:
        """Everything but times and memory."""
        return [
            {key: value for key, value in row.items() if key != "seconds" and "cost_" not in key}
            for row in self
        ]


def run(config: Config, resume: Path | None = None, folder: Path | None = None) -> Reports:
    reports = Reports()
    train(config, reports, resume, folder=folder)
    return reports


def weights(result: TrainingResult) -> dict[str, torch.Tensor]:
    assert result.generator is not None
    return load_file(result.generator)


@pytest.mark.parametrize("method", METHODS)
def test_reports(pack: Any, tiny: Build, method: str) -> None:
    reports = run(tiny(**played(method)))
    assert [row["tick"] for row in reports] == [1, 2, 3]
    assert [row["images"] for row in reports] == [32, 64, 96]
    seconds = [row["seconds"] for row in reports]
    assert seconds == sorted(seconds)
    columns = {f"val_{name}" for name in METRICS} | {f"train_{name}" for name in LOSSES}
    columns |= {f"val_ab_mae_{name}" for name in ("grey", "mean", "median", "baseline")}
    columns.add("val_strong_ab_mae_baseline")
    columns |= {f"cost_{name}" for name in COSTS} | {f"diag_{name}" for name in DIAGNOSTICS}
    contest = issubclass(METHODS[method], AdversarialOptions)
    for row in reports:
        assert set(row) == columns | {"tick", "images", "seconds"}
        assert all(value is None or math.isfinite(value) for value in row.values())
        assert (row["train_loss_discriminator"] is None) is not contest
        assert row["train_loss_l1"] > 0
    assert reports.checkpoints == [None] * 3


@pytest.mark.parametrize(
    "loss",
    [
        *(
            pytest.param({"adversarial": name, "label_smoothing": 0.0}, marks=pytest.mark.slow)
            for name in ADVERSARIAL
        ),
        pytest.param({"r1_gamma": 1.0}, marks=pytest.mark.slow),
        {"method": "cyclegan", "r1_gamma": 1.0},
        {"discriminator_every": 2, "generator_steps": 2, "gate_accuracy": 0.9, "pretrain": 0.4},
    ],
    ids=str,
)
def test_whole_trainings_of_every_kind_of_contest(
    pack: Any, tiny: Build, loss: dict[str, Any]
) -> None:
    conditional = {"conditional": loss.get("method") != "cyclegan"}
    for row in run(tiny(loss=loss, discriminator=conditional)):
        assert all(value is None or math.isfinite(value) for value in row.values())
        assert row["cost_training_gmac_per_picture"] > 0


def test_it_learns(pack: Any, tiny: Build) -> None:
    config = tiny(
        optimizer={"generator_lr": 5e-3},
        training={"images": 1600, "ticks": 2, "batch_size": 16},
    )
    last = run(config)[-1]
    assert last["val_ab_mae"] < 0.5 * last["val_ab_mae_baseline"]


def test_the_same_seed_gives_the_same_training(pack: Any, tiny: Build) -> None:
    config = tiny(generator={"dropout": 0.3})
    torch.rand(3)
    first, second = run(config), run(config)
    assert first.comparable() == second.comparable()
    other = run(tiny(generator={"dropout": 0.3}, training={"seed": 1}))
    assert other.comparable() != first.comparable()


def test_the_caller_keeps_its_random_numbers(pack: Any, tiny: Build) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    run(tiny())
    assert torch.equal(torch.rand(1), expected)


STOCHASTIC = {"label_noise": 0.1, "instance_noise": 0.1, "augment": "translation"}
POOL = {"cyclegan": {"pool": 4}}


@pytest.mark.parametrize(
    ("every", "method", "loss"),
    [(1, "gan", STOCHASTIC), *((2, name, POOL.get(name, {})) for name in METHODS)],
)
def test_resumed_and_uninterrupted_trainings_are_equal(
    pack: Any, tiny: Build, folder: Path, every: int, method: str, loss: dict[str, Any]
) -> None:
    """Dropout, both optimizers, the order of pictures and the schedule continue where they were."""
    sections: dict[str, Any] = {
        "generator": {"dropout": 0.4},
        "discriminator": {"dropout": 0.2, **played(method)["discriminator"]},
        "loss": {**played(method)["loss"], **loss},
        "optimizer": {"ema_decay": 0.9},
        "schedule": {"kind": "plateau", "patience": 1},
        "training": {"ticks": 4, "images": 128, "checkpoint_every": every},
    }
    whole = Reports()
    end = train(tiny(**sections), whole, folder=folder.with_name("attempt-0"))
    assert [path is not None for path in whole.checkpoints] == [
        tick % every == 0 for tick in (1, 2, 3, 4)
    ]
    stopped = Reports(stop_after=2)
    with pytest.raises(TrainingInterrupted):
        train(tiny(**sections), stopped, folder=folder)
    interrupt.requested.clear()
    resumed = Reports()
    again = folder.with_name("attempt-2")
    finished = train(tiny(**sections), resumed, checkpoint.latest(folder), folder=again)
    assert stopped.comparable() + resumed.comparable() == whole.comparable()
    ends = weights(end), weights(finished)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    path = resumed.checkpoints[-1]
    assert path is not None
    history = checkpoint.history(path)
    assert [row["tick"] for row in history] == [1, 2, 3, 4]
    assert resumed[0]["seconds"] > stopped[-1]["seconds"]


def test_an_interruption_within_a_tick_loses_no_step(
    pack: Any, tiny: Build, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tiny(generator={"dropout": 0.4}))
    add = Totals.add

    def add_and_stop(self: Totals, losses: dict[str, torch.Tensor]) -> None:
        add(self, losses)
        if self.counts.get("loss_l1") == 2:
            interrupt.requested.set()

    monkeypatch.setattr(Totals, "add", add_and_stop)
    with pytest.raises(TrainingInterrupted, match="after 16 images"):
        train(tiny(generator={"dropout": 0.4}), Reports(), folder=folder)
    monkeypatch.setattr(Totals, "add", add)
    interrupt.requested.clear()
    path = checkpoint.latest(folder)
    assert path is not None and path.name == "tick-000000-images-00000000016"
    assert checkpoint.history(path) == []
    resumed = Reports()
    train(tiny(generator={"dropout": 0.4}), resumed, path)
    assert resumed.comparable() == whole.comparable()


def test_an_interruption_without_a_folder_writes_nothing(
    pack: Any, tiny: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    interrupt.requested.set()
    with pytest.raises(TrainingInterrupted, match="no folder"):
        train(tiny(), Reports())
    assert not list(tmp_path.iterdir())


def test_resuming_a_finished_training_only_gives_its_result(
    pack: Any, tiny: Build, folder: Path
) -> None:
    reports = Reports()
    first = train(tiny(), reports, folder=folder)
    again = Reports()
    second = train(tiny(), again, checkpoint.latest(folder), folder=folder)
    assert not again
    assert first.metrics["val_ab_mae"] == second.metrics["val_ab_mae"]
    assert first.pictures == second.pictures


def test_a_checkpoint_of_another_training_is_refused(pack: Any, tiny: Build, folder: Path) -> None:
    run(tiny(), folder=folder)
    for other in (tiny(training={"seed": 1}), tiny(generator={"width": 2})):
        with pytest.raises(InputError, match="another training"):
            train(other, Reports(), checkpoint.latest(folder))


def identity_of_the_whole(config: Config) -> str:
    """As checkpoints had it once."""
    values = config.model_dump(mode="json", exclude={"about", "data", "evaluate_on", "training"})
    training = config.training.model_dump(exclude={"checkpoint_every", "precision"})
    if not training["sync_batch_norm"]:
        del training["sync_batch_norm"]
    return repr((values, training, "memory", 40))


def test_a_checkpoint_that_names_the_whole_config_goes_on(
    pack: Any, tiny: Build, folder: Path
) -> None:
    run(tiny(), folder=folder)
    path = checkpoint.latest(folder)
    assert path is not None
    state, history = checkpoint.load(path)
    state["identity"] = identity_of_the_whole(tiny())
    checkpoint.save(path, state, history)
    resumed = Reports()
    train(tiny(), resumed, path)
    for other in (tiny(training={"seed": 1}), tiny(generator={"width": 2})):
        with pytest.raises(InputError, match="another training"):
            train(other, Reports(), path)
    state["identity"] = state["identity"].replace("'lr_ratio'", "'unknown'")
    checkpoint.save(path, state, history)
    with pytest.raises(InputError, match="another training"):
        train(tiny(), Reports(), path)


class WithKnob(Training):
    """A section that has got another option."""

    knob: float = 0.5


class LaterConfig(Config):
    """A config of that section."""

    training: WithKnob = WithKnob(images=1)


def test_a_new_option_at_its_default_leaves_a_checkpoint_what_it_is(tiny: Build) -> None:
    def later(**knob: float) -> Config:
        training = WithKnob(**tiny().training.model_dump(), **knob)
        return LaterConfig.model_validate({**dict(tiny()), "training": training})

    before = identity_of(tiny(), "memory", 40)
    assert identity_of(later(), "memory", 40) == before
    assert identity_of(later(knob=0.5), "memory", 40) == before
    assert identity_of(later(knob=0.6), "memory", 40) != before


def test_options_of_one_name_in_two_variants_are_told_apart(tiny: Build) -> None:
    loss = {"l1_weight": 50.0}
    texts = {
        identity_of(tiny(**change), "memory", 40)
        for change in (
            {"loss": {**loss, "method": "regression"}, "discriminator": None},
            {"loss": {**loss, "method": "gan"}},
            {"loss": {**loss, "method": "gan", "adversarial": "hinge", "label_smoothing": 0.0}},
        )
    }
    assert len(texts) == 3


def test_a_damaged_checkpoint_is_refused(pack: Any, tiny: Build, folder: Path) -> None:
    run(tiny(), folder=folder)
    path = checkpoint.latest(folder)
    assert path is not None
    (path / "state.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        train(tiny(), Reports(), path)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no identity": lambda state: state.pop("identity"),
    "no weights": lambda state: state.pop("learner"),
    "weights of nothing": lambda state: state.update(learner=None),
    "no player": lambda state: state["learner"]["players"].clear(),
    "other weights": lambda state: state["learner"]["players"].update(generator={"network": {}}),
    "no chance": lambda state: state["learner"]["noise"].update(cpu=torch.zeros(3)),
    "a time that is none": lambda state: state.update(seconds="an hour"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_with_another_state_is_refused(
    pack: Any, tiny: Build, folder: Path, change: str
) -> None:
    run(tiny(), folder=folder)
    path = checkpoint.latest(folder)
    assert path is not None
    state, history = checkpoint.load(path)
    CHANGES[change](state)
    checkpoint.save(path, state, history)
    with pytest.raises(InputError, match="does not hold the state of this training") as caught:
        train(tiny(), Reports(), path)
    assert len(str(caught.value).splitlines()) <= 3


def test_the_result(pack: Any, tiny: Build, folder: Path) -> None:
    reports = Reports()
    result = train(tiny(), reports, folder=folder)
    assert result.metrics == reports[-1]
    predictions = [row for row in result.pictures if row["kind"] == "prediction"]
    mean = sum(row["ab_mae"] for row in predictions) / len(predictions)
    assert mean == pytest.approx(result.metrics["val_ab_mae"])
    assert result.generator == folder / "generator.safetensors"
    assert {"generator.json", "generator.safetensors"} <= {path.name for path in folder.iterdir()}
    assert train(tiny(), Reports()).generator is None


def test_divergence_is_found_before_its_tick_is_reported(pack: Any, tiny: Build) -> None:
    reports = Reports()
    config = tiny(
        loss={"adversarial": "lsgan"},
        optimizer={"generator_lr": 1.0, "lr_ratio": 1e30},
        schedule={"kind": "constant", "warmup": 0.0},
    )
    with pytest.raises(DivergedError, match="became") as caught:
        train(config, reports)
    assert caught.value.step > 0
    assert len(reports) < 3
    assert all(math.isfinite(row["train_loss_generator"]) for row in reports)


def test_a_non_finite_prediction_is_divergence(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colornet.evaluation.evaluation import Evaluation

    monkeypatch.setattr(Evaluation, "finite", lambda self: False)
    reports = Reports()
    with pytest.raises(DivergedError, match="val_ab_mae"):
        train(tiny(), reports)
    assert not reports


def batches_seen(config: Config, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    seen: list[torch.Tensor] = []
    train_step = learner.train_step

    def remember(method: Method, batch: Batch, pace: StepOptions, totals: Totals) -> None:
        seen.append(batch.pictures.pixels)
        train_step(method, batch, pace, totals)

    with monkeypatch.context() as patch:
        patch.setattr(learner, "train_step", remember)
        train(config, Reports())
    return seen


@pytest.mark.parametrize(
    "change",
    [
        {"generator": {"dropout": 0.5, "width": 2, "activation": "silu"}},
        {"loss": {"l1_weight": 3.0}},
        *(played(method) for method in METHODS if method != "gan"),
        {"schedule": {"kind": "constant"}},
        {"training": {"ticks": 2, "checkpoint_every": 7}},
    ],
)
def test_no_setting_shifts_the_order_of_pictures(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    plain = batches_seen(tiny(), monkeypatch)
    changed = batches_seen(tiny(**change), monkeypatch)
    assert all(torch.equal(one, two) for one, two in zip(plain, changed, strict=True))


def test_a_budget_in_epochs(pack: Any, tiny: Build) -> None:
    config = tiny(training={"images": None, "epochs": 2.0, "ticks": 2})
    reports = run(config)
    assert [row["images"] for row in reports] == [40, 80]


def test_a_budget_is_filled_with_whole_batches(pack: Any, tiny: Build) -> None:
    reports = run(tiny(training={"images": 30, "ticks": 2}))
    assert [row["images"] for row in reports] == [16, 32]


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"batch_size": 41}, r"batch_size: 41: there are only 40"),
        ({"images": 20, "ticks": 4}, r"ticks: 4: .* only 3 steps"),
    ],
)
def test_a_budget_that_the_pictures_cannot_serve(
    pack: Any, tiny: Build, training: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        train(tiny(training=training), Reports())
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_empty_split_is_refused(pack: Any, tiny: Build, split: str) -> None:
    pack.splits[split] = pack.splits[split][:0]
    with pytest.raises(InputError, match=f"the {split} split has no pictures"):
        train(tiny(), Reports())


def test_bfloat16_on_request(pack: Any, tiny: Build) -> None:
    reports = run(tiny(training={"precision": "bfloat16"}))
    assert reports[-1]["val_ab_mae"] > 0


class Stumble:
    """Makes the losses of some steps NaN, each time the training comes by; keeps all rates."""

    def __init__(self, at: dict[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = dict(at)
        self.rates: list[tuple[int, float]] = []
        train_step = learner.train_step

        def stumbling(method: Method, batch: Batch, pace: StepOptions, totals: Totals) -> None:
            self.rates.append((batch.step, pace.factor))
            train_step(method, batch, pace, totals)
            if self.at.get(batch.step):
                self.at[batch.step] -= 1
                with torch.no_grad():
                    next(iter(method.generator.parameters())).fill_(torch.nan)
                totals.add({"loss_generator": torch.tensor(torch.nan)})

        monkeypatch.setattr(learner, "train_step", stumbling)


def test_a_training_goes_back_to_its_last_sound_tick_with_half_the_rates(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumble = Stumble({6: 2}, monkeypatch)  # in the second tick of four steps each
    constant = {"kind": "constant", "warmup": 0.0}
    reports = run(tiny(schedule=constant, training={"restores": 2}))
    assert [row["tick"] for row in reports] == [1, 2, 3]
    assert [row["diag_restores"] for row in reports] == [0, 2, 2]
    assert all(math.isfinite(row["val_ab_mae"]) for row in reports)
    first, second, third = (
        [rate for step, rate in stumble.rates if step == 6][index] for index in range(3)
    )
    assert (first, second, third) == (1.0, 0.5, 0.25)
    assert [rate for step, rate in stumble.rates if step == 3] == [1.0]


@pytest.mark.parametrize("restores", [0, 1])
def test_restores_that_are_used_up_end_the_training(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch, restores: int
) -> None:
    Stumble({1: 9}, monkeypatch)
    reports = Reports()
    with pytest.raises(DivergedError, match=r"became nan in tick 1"):
        train(tiny(training={"restores": restores}), reports)
    assert not reports


def test_a_restored_training_resumes_as_if_it_had_not_stopped(
    pack: Any, tiny: Build, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(generator={"dropout": 0.3}, training={"restores": 1})
    with monkeypatch.context() as patch:
        Stumble({6: 1}, patch)
        whole = run(config)
    with monkeypatch.context() as patch:
        Stumble({6: 1}, patch)
        stopped = Reports(stop_after=2)
        with pytest.raises(TrainingInterrupted):
            train(config, stopped, folder=folder)
    interrupt.requested.clear()
    resumed = run(config, checkpoint.latest(folder))
    assert stopped.comparable() + resumed.comparable() == whole.comparable()


def test_the_averaged_generator_is_the_one_that_is_judged_and_kept(
    pack: Any, tiny: Build, folder: Path
) -> None:
    plain = train(tiny(), Reports(), folder=folder)
    averaged = train(
        tiny(optimizer={"ema_decay": 0.99}), Reports(), folder=folder.with_name("attempt-2")
    )
    assert plain.metrics["train_loss_l1"] == averaged.metrics["train_loss_l1"]
    assert plain.metrics["val_ab_mae"] != averaged.metrics["val_ab_mae"]
    ends = weights(plain), weights(averaged)
    assert not all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_finished_training_leaves_its_memory_at_once(
    pack: Any, tiny: Build, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    seen: list[weakref.ref[Any]] = []
    train_step = learner.train_step

    def remember(method: Method, batch: Batch, pace: StepOptions, totals: Totals) -> None:
        seen.append(weakref.ref(method.generator))
        train_step(method, batch, pace, totals)

    monkeypatch.setattr(learner, "train_step", remember)
    config = tiny(**played(method), training={"restores": 1})
    gc.disable()
    try:
        run(config)
        assert seen[0]() is None
    finally:
        gc.enable()


COMMON: dict[str, Any] = {"source": "scenes", "image_size": 16, "seed": 7}
"""The section `evaluate_on` that stands for the pictures of `common`."""
STOCHASTIC_AT_EVALUATION = {"dropout": 0.4, "dropout_at_evaluation": True}


def columns_of(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The columns with this prefix, without it."""
    return {
        key.removeprefix(f"{prefix}_"): value
        for key, value in row.items()
        if key.startswith(f"{prefix}_")
    }


MEASURED = {
    *METRICS,
    "strong_ab_mae_baseline",
    *(f"ab_mae_{name}" for name in ("grey", "mean", "median", "baseline")),
}


@pytest.mark.parametrize("size", [16, 24])
def test_common_pictures_have_columns_at_every_tick(
    pack: Any, common: Callable[..., Any], tiny: Build, size: int
) -> None:
    common(size)
    reports = run(tiny(evaluate_on={**COMMON, "image_size": size}))
    for row in reports:
        assert set(columns_of(row, "eval")) == MEASURED == set(columns_of(row, "val"))
        assert not columns_of(row, "test")
        assert 0 < row["eval_ab_mae"] != row["val_ab_mae"]
    assert len({row["eval_ab_mae"] for row in reports}) == 3


def test_baselines_of_common_pictures_are_the_same_for_every_trial(
    pack: Any, common: Callable[..., Any], tiny: Build
) -> None:
    common()
    one = run(tiny(evaluate_on=COMMON))[-1]
    other = run(tiny(evaluate_on=COMMON, training={"seed": 1}))[-1]
    pack.splits["train"] = pack.splits["train"][:20]
    fewer = run(tiny(evaluate_on=COMMON))[-1]
    for name in ("grey", "mean", "median", "baseline"):
        column = f"eval_ab_mae_{name}"
        assert one[column] == other[column] == fewer[column]
    assert one["val_ab_mae_mean"] != fewer["val_ab_mae_mean"]


@pytest.mark.parametrize("test", [False, True])
def test_being_judged_changes_nothing_else(
    pack: Any, common: Callable[..., Any], tiny: Build, folder: Path, test: bool
) -> None:
    """Not even where colorizing takes from the stream of chance."""
    common()
    plain, judged = Reports(), Reports()
    first = train(tiny(generator=STOCHASTIC_AT_EVALUATION), plain, folder=folder)
    config = tiny(generator=STOCHASTIC_AT_EVALUATION, evaluate_on=COMMON)
    second = train(config, judged, folder=folder.with_name("attempt-2"), test=test)
    for one, other in zip(plain.comparable(), judged.comparable(), strict=True):
        assert one == {key: other[key] for key in one}
    ends = weights(first), weights(second)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("judged_by", ["own", "common"])
def test_only_the_last_tick_of_a_tested_training_sees_the_test_pictures(
    pack: Any, common: Callable[..., Any], tiny: Build, folder: Path, judged_by: str
) -> None:
    common()
    sections = {"evaluate_on": COMMON} if judged_by == "common" else {}
    reports = Reports()
    result = train(tiny(**sections), reports, folder=folder, test=True)
    assert [set(columns_of(row, "test")) for row in reports] == [set(), set(), MEASURED]
    assert result.metrics == reports[-1]
    path = reports.checkpoints[-1]
    assert path is not None
    last = checkpoint.history(path)[-1]
    assert columns_of(last, "test") == columns_of(reports[-1], "test")
    tested = [row for row in result.pictures if row["split"] == "test"]
    predictions = [row for row in tested if row["kind"] == "prediction"]
    assert len(predictions) == {"own": 6, "common": 9}[judged_by]
    assert sum(row["webp"] is not None for row in predictions) == min(8, len(predictions))
    mean = sum(row["ab_mae"] for row in predictions) / len(predictions)
    assert mean == pytest.approx(reports[-1]["test_ab_mae"])


def test_the_kept_pictures_are_the_common_ones(
    pack: Any, common: Callable[..., Any], tiny: Build
) -> None:
    memory = common()
    pictures = train(tiny(evaluate_on=COMMON), Reports()).pictures
    assert {row["split"] for row in pictures} == {"eval"}
    assert {row["picture_hash"] for row in pictures} == {
        memory.hashes[row] for row in memory.indices("val")
    }
    assert {row["split"] for row in train(tiny(), Reports()).pictures} == {"val"}


@pytest.mark.parametrize("sections", [{}, {"evaluate_on": COMMON}])
def test_a_test_without_test_pictures_is_refused_before_anything_starts(
    pack: Any, common: Callable[..., Any], tiny: Build, sections: dict[str, Any]
) -> None:
    judging = common() if sections else pack
    judging.splits["test"] = judging.splits["test"][:0]
    reports = Reports()
    where = "evaluate_on" if sections else "data"
    with pytest.raises(InputError, match=f"{where}: the test split has no pictures") as caught:
        train(tiny(**sections), reports, test=True)
    assert not reports
    assert len(str(caught.value).splitlines()) <= 3
    assert len(run(tiny(**sections))) == 3


def test_common_pictures_that_are_trained_on_are_refused(
    pack: Any, common: Callable[..., Any], tiny: Build
) -> None:
    memory = common()
    memory.hashes[memory.indices("test")[2]] = pack.hashes[pack.indices("train")[5]]
    name = pack.names[pack.indices("train")[5]]
    with pytest.raises(InputError, match=f"1 of its held-out pictures .* such as {name}"):
        train(tiny(evaluate_on=COMMON), Reports())


@pytest.mark.parametrize("size", [16, 24])
def test_a_resumed_training_keeps_what_judged_it(
    pack: Any, common: Callable[..., Any], tiny: Build, folder: Path, size: int
) -> None:
    common(size)
    config = tiny(generator=STOCHASTIC_AT_EVALUATION, evaluate_on={**COMMON, "image_size": size})
    whole = Reports()
    end = train(config, whole, test=True)
    stopped = Reports(stop_after=2)
    with pytest.raises(TrainingInterrupted):
        train(config, stopped, folder=folder, test=True)
    interrupt.requested.clear()
    resumed = Reports()
    finished = train(config, resumed, checkpoint.latest(folder), folder=folder, test=True)
    assert stopped.comparable() + resumed.comparable() == whole.comparable()
    assert len(finished.pictures) == len(end.pictures)
    path = resumed.checkpoints[-1]
    assert path is not None
    assert [set(columns_of(row, "eval")) for row in checkpoint.history(path)] == [MEASURED] * 3


def test_checkpoints_belong_to_the_pictures_that_judge(
    pack: Any, common: Callable[..., Any], tiny: Build, folder: Path
) -> None:
    memory = common()
    run(tiny(evaluate_on=COMMON), folder=folder)
    path = checkpoint.latest(folder)
    train(tiny(evaluate_on={**COMMON, "horizontal_flip": False}), Reports(), path)
    memory.splits["val"] = memory.splits["val"][:9]
    for other in (tiny(evaluate_on=COMMON), tiny()):
        with pytest.raises(InputError, match="another training"):
            train(other, Reports(), path)


def test_without_common_pictures_a_checkpoint_knows_nothing_of_them(
    pack: Any, tiny: Build, folder: Path
) -> None:
    """So that those from before there were any go on."""
    run(tiny(), folder=folder)
    path = checkpoint.latest(folder)
    assert path is not None
    state, _ = checkpoint.load(path)
    assert "evaluate_on" not in state["identity"]
    assert "'memory', 40" in state["identity"]


def test_a_color_that_is_none_on_common_pictures_is_divergence(
    pack: Any, common: Callable[..., Any], tiny: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colornet.evaluation.evaluation import Evaluation

    common()
    monkeypatch.setattr(Evaluation, "finite", lambda self: self.name != "eval")
    with pytest.raises(DivergedError, match="eval_ab_mae became non-finite in tick 1"):
        train(tiny(evaluate_on=COMMON), Reports())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu(pack: Any, common: Callable[..., Any], tiny: Build, folder: Path) -> None:
    common(24)
    reports = Reports()
    train(tiny(evaluate_on={**COMMON, "image_size": 24}), reports, folder=folder, test=True)
    assert len(reports) == 3
    assert reports[-1]["test_ab_mae"] > 0
