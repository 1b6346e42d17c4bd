"""Every diagnosis on tiny trainings, none of which is different for having been looked at."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colornet.color import AB_RANGE
from colornet.config.columns import DIAGNOSTICS
from colornet.config.config import Config, parse_config
from colornet.config.paths import TAGS
from colornet.config.sections.losses import AdversarialOptions
from colornet.networks.layers import BatchNorm, spectral_norm
from colornet.pictures import Pictures
from colornet.training.diagnostics import Diagnosis, preserve_state, top_singular_value
from colornet.training.learner import Learner
from colornet.training.loop import train
from colornet.training.losses import floor_and_equilibrium
from colornet.training.steps import Metrics, Totals

CPU = torch.device("cpu")
Build = Callable[..., Config]
JUDGED = {
    "d_auc_val", "d_gap", "d_gap_auc", "r_v", "d_top_singular", "logit_absmax", "g_adv_share",
}  # fmt: skip
RIGHT = {"d_acc_real_train", "d_acc_real_val", "d_acc_fake_train", "d_acc_fake_val", "r_t"}
ALARMS = {"overfitting", "collapsed"}
ALWAYS = {"restores", "grad_norm_generator", "train_val_gap"}
CYCLEGAN = {"loss": {"method": "cyclegan"}, "discriminator": {"conditional": False}}


class Watched:
    """A learner that is looked at whenever one asks."""

    def __init__(self, config: Config, pack: Any) -> None:
        self.learner = Learner(config, pack, CPU)
        self.diagnosis = Diagnosis(config, pack, CPU)
        self.history: list[Metrics] = []

    def tick(self, steps: int = 1, val_ab_mae: float = 20.0) -> Metrics:
        """Take steps, look; the columns without their prefix."""
        for _ in range(steps):
            self.learner.take_step([])
        means = self.learner.totals.means()
        self.learner.totals = Totals()
        return self.forward_pass(means, val_ab_mae)

    def forward_pass(self, means: dict[str, float], val_ab_mae: float = 20.0) -> Metrics:
        """The columns that these means give."""
        metrics: Metrics = {"val_ab_mae": val_ab_mae}
        columns = self.diagnosis.columns(self.learner, means, metrics, self.history)
        self.history.append(columns)
        return {name.removeprefix("diag_"): value for name, value in columns.items()}


@pytest.fixture
def watch(tiny: Build, pack: Any) -> Callable[..., Watched]:
    """A function of config overrides."""
    return lambda **sections: Watched(tiny(**sections), pack)


def given(columns: Metrics) -> set[str]:
    return {name for name, value in columns.items() if value is not None}


def test_every_column_is_a_plain_number(watch: Callable[..., Watched]) -> None:
    columns = watch().tick()
    assert list(columns) == list(DIAGNOSTICS)
    assert all(value is None or type(value) in (int, float) for value in columns.values())
    expected = JUDGED | RIGHT | ALARMS | ALWAYS | {"d_loss_norm", "d_pair_auc"}
    assert given(columns) >= expected - {"r_v"}  # nothing is told apart after one step


def test_without_a_discriminator_only_the_generator_is_looked_at(
    watch: Callable[..., Watched],
) -> None:
    assert given(watch(loss={"method": "regression"}).tick()) == ALWAYS
    assert given(watch(loss={"adversarial": "none", "label_smoothing": 0.0}).tick()) == ALWAYS


def test_a_critic_has_no_boundary_and_no_floor(watch: Callable[..., Watched]) -> None:
    columns = watch(loss={"adversarial": "wgan_gp", "label_smoothing": 0.0}).tick()
    assert not given(columns) & (RIGHT | {"d_loss_norm", "collapsed"})
    assert given(columns) >= {"d_auc_val", "d_gap_auc", "overfitting", "g_adv_share"}


def test_an_unheard_discriminator_raises_no_alarm(watch: Callable[..., Watched]) -> None:
    columns = watch(loss={"adversarial_weight": 0.0}).tick()
    assert not given(columns) & ALARMS
    assert columns["g_adv_share"] == 0.0
    assert columns["d_gap_auc"] is not None


def test_pretraining_is_no_contest_yet(watch: Callable[..., Watched]) -> None:
    watched = watch(loss={"pretrain": 0.5})
    before, after = watched.tick(6), watched.tick(1)
    assert given(before) == ALWAYS
    assert given(after) >= ALARMS | RIGHT | {"d_loss_norm", "grad_norm_discriminator"}


def test_a_tick_without_the_discriminators_turn_keeps_the_alarms(
    watch: Callable[..., Watched],
) -> None:
    watched = watch(loss={"discriminator_every": 2})
    assert given(watched.tick()) >= ALARMS | RIGHT
    assert given(watched.tick()) == ALWAYS | ALARMS


@pytest.mark.parametrize(
    ("discriminator", "seen"),
    [
        ({}, True),
        ({"conditional": False}, False),
        ({"conditional": False, "input": "rgb"}, True),
        ({"conditional": False, "input": "lab"}, True),
    ],
)
def test_pairs_mean_something_to_a_judge_of_lightness(
    watch: Callable[..., Watched], discriminator: dict[str, Any], seen: bool
) -> None:
    assert (watch(discriminator=discriminator).tick()["d_pair_auc"] is not None) is seen


class Stub(nn.Module):
    """A judge whose logits are a function of a batch of ab colors."""

    conditional, space = True, "ab"

    def __init__(self, score: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.score, self.layer = score, nn.Linear(1, 1)

    def view(self, picture: Any, grey: Tensor) -> Tensor:
        return torch.cat((grey, picture.ab), 1)

    def forward(self, view: Tensor) -> Tensor:
        return self.score(view).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def judged_by(watched: Watched, score: Callable[[Tensor], Tensor]) -> Metrics:
    watched.learner.method.discriminator = Stub(score)  # ty: ignore[invalid-assignment]
    return watched.tick()


def knowing(*known: Pictures) -> Callable[[Tensor], Tensor]:
    """1 for pictures that are known, with their lightness, and -1 for all others."""
    views = torch.cat([torch.cat((one.lightness, one.ab), 1) for one in known])

    def score(view: Tensor) -> Tensor:
        return (view[:, None] == views[None]).flatten(2).all(2).any(1).float() * 2 - 1

    return score


def test_a_judge_that_remembers_is_found_out(watch: Callable[..., Watched]) -> None:
    watched = watch(training={"batch_size": 40})
    columns = judged_by(watched, knowing(watched.learner.feed.batch(0, 40)))
    assert columns["d_acc_real_train"] == columns["d_gap_auc"] == columns["r_t"] == 1.0
    assert columns["d_acc_real_val"] == 0.0
    assert columns["d_acc_fake_train"] == columns["d_acc_fake_val"] == 1.0
    assert columns["d_gap"] == 2.0
    assert columns["r_v"] == 1.0
    assert columns["d_auc_val"] == columns["d_pair_auc"] == 0.5
    assert columns["logit_absmax"] == 1.0
    assert columns["overfitting"] == 1


def test_a_judge_of_all_real_pictures_does_not_overfit(
    watch: Callable[..., Watched], pack: Any
) -> None:
    watched = watch(training={"batch_size": 40})
    held_out = Pictures(torch.from_numpy(pack.pictures[pack.indices("val")]))
    columns = judged_by(watched, knowing(watched.learner.feed.batch(0, 40), held_out))
    assert columns["d_acc_real_train"] == columns["d_acc_real_val"] == 1.0
    assert columns["d_auc_val"] == columns["d_pair_auc"] == 1.0
    assert columns["d_gap"] == columns["r_v"] == 0.0
    assert columns["d_gap_auc"] == 0.5
    assert columns["overfitting"] == 0


def test_a_judge_gone_mad_leaves_its_columns_open(watch: Callable[..., Watched]) -> None:
    columns = judged_by(watch(), lambda view: view.flatten(1).mean(1) * float("nan"))
    assert not given(columns) & (RIGHT | {"d_auc_val", "d_gap_auc", "logit_absmax"})


def test_the_loss_is_read_without_its_penalty(watch: Callable[..., Watched]) -> None:
    watched = watch(loss={"r1_gamma": 4.0})
    limits = floor_and_equilibrium(watched.diagnosis.config.loss)
    assert limits is not None
    half = (limits[0] + limits[1]) / 2
    watched.learner.seen = 8
    means = {"loss_discriminator": half + 2 * 0.3, "loss_penalty": 0.3}
    assert watched.forward_pass(means)["d_loss_norm"] == pytest.approx(0.5)
    lost = {"loss_discriminator": limits[0] + 1e-5, "loss_penalty": 0.0}
    assert watched.forward_pass(lost)["collapsed"] == 1
    assert watched.forward_pass(means)["collapsed"] == 1  # once is for good


def test_the_adversarial_share_follows_its_weight(watch: Callable[..., Watched]) -> None:
    def share(**loss: float) -> float:
        value = watch(loss=loss).tick()["g_adv_share"]
        assert value is not None
        return value

    assert share(l1_weight=0.0) == pytest.approx(1.0, abs=1e-5)
    # Adam's first steps are the same whatever the scale of the loss.
    once, twice = share(l1_weight=10.0), share(l1_weight=20.0, adversarial_weight=2.0)
    assert once == pytest.approx(twice, rel=1e-3)
    assert 0 < share(l1_weight=1000.0) < once < 1


def test_the_gap_of_errors_is_that_of_the_judged_generator(tiny: Build, pack: Any) -> None:
    config = tiny(optimizer={"ema_decay": 0.9}, generator={"dropout": 0.5})
    watched = Watched(config, pack)
    gap = watched.tick(4, val_ab_mae=30.0)["train_val_gap"]
    learner = watched.learner
    shown = learner.feed.batch(0, watched.diagnosis.fakes)
    generator = copy.deepcopy(learner.generator).eval()
    with torch.no_grad():
        errors = [
            (generator.colorize(learner.feed.batch(place, 1)).ab - shown.ab[place]).abs().mean()
            for place in range(len(shown))
        ]
    expected = 30.0 - float(torch.stack(errors).mean()) * AB_RANGE
    assert gap == pytest.approx(expected, abs=1e-3)


def test_no_more_is_looked_at_than_was_shown(tiny: Build, pack: Any) -> None:
    watched = Watched(tiny(training={"batch_size": 3}), pack)
    seen: list[int] = []
    take = watched.learner.feed.batch
    watched.learner.feed.batch = lambda start, count: seen.append(count) or take(start, count)
    columns = watched.tick()
    assert max(seen) == 3
    assert given(columns) >= JUDGED - {"r_v"}


def test_a_picture_counts_once(tiny: Build, pack: Any) -> None:
    pack.splits["train"] = pack.splits["train"][:3]
    watched = Watched(tiny(), pack)
    assert watched.diagnosis.trained == 3
    assert watched.tick(2)["d_gap_auc"] is not None


def test_one_training_picture_beside_many_held_out_ones(tiny: Build, pack: Any) -> None:
    pack.splits["train"] = pack.splits["train"][:1]
    config = tiny(generator={"norm": "none"}, training={"batch_size": 1})
    assert given(Watched(config, pack).tick()) >= JUDGED - {"r_v"}


@pytest.mark.parametrize(("batches", "kinds"), [("separate", 1), ("mixed", 2), ("alternate", 1)])
def test_players_are_looked_at_as_they_play_but_for_the_judges_dropout(
    watch: Callable[..., Watched], batches: str, kinds: int
) -> None:
    watched = watch(loss={"discriminator_batches": batches}, training={"batch_size": 22})
    learner, sizes = watched.learner, []

    def score(view: Tensor) -> Tensor:
        sizes.append(len(view))
        assert learner.method.discriminator is not None
        assert not learner.method.discriminator.training
        assert learner.method.generator.training
        return view.mean((1, 2, 3))

    judged_by(watched, score)
    # 22 shown and 10 held-out real pictures in two batches, 8 fakes of either, 8 pairs of either;
    # where both kinds share batches, as many real ones as fakes.
    assert sizes == ([32, 16] if kinds == 2 else [16, 16, 16, 16])


@pytest.mark.parametrize("batches", ["separate", "mixed", "alternate"])
def test_one_picture_of_everything(tiny: Build, pack: Any, batches: str) -> None:
    pack.splits = {"train": np.arange(1), "val": np.arange(1, 2), "test": np.arange(2, 3)}
    config = tiny(training={"batch_size": 1}, loss={"discriminator_batches": batches})
    columns = Watched(config, pack).tick()
    assert columns["d_gap_auc"] in (0.0, 0.5, 1.0)
    assert columns["d_pair_auc"] is None
    assert columns["r_v"] is None
    assert columns["overfitting"] == 0


def test_restores_are_counted(watch: Callable[..., Watched]) -> None:
    watched = watch()
    watched.learner.restores = 2
    assert watched.tick()["restores"] == 2


VARIANTS: dict[str, dict[str, Any]] = {
    "dropout": {
        "generator": {"dropout": 0.5, "dropout_at_evaluation": True},
        "discriminator": {"dropout": 0.5},
        "loss": {"augment": "translation_cutout", "instance_noise": 0.1, "label_noise": 0.1},
    },
    "spectral": {"generator": {"norm": "spectral"}, "discriminator": {"norm": "spectral"}},
    "averaged": {"optimizer": {"ema_decay": 0.9}},
    "mixed": {"loss": {"discriminator_batches": "mixed"}},
    "alternate": {"loss": {"discriminator_batches": "alternate", "r1_gamma": 1.0}},
    "gated": {"loss": {"gate_accuracy": 0.5}},
    "bfloat16": {"training": {"precision": "bfloat16"}},
    **{name: {"loss": {"method": name}} for name in TAGS["loss"][1]},
    "cyclegan": CYCLEGAN,
}


def flat(state: Any) -> dict[str, Any]:
    """The leaves of nested dictionaries and lists, by their path."""
    if isinstance(state, dict | list | tuple):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return {f"{key}/{path}": leaf for key, value in items for path, leaf in flat(value).items()}
    return {"": state}


def kept(networks: list[nn.Module]) -> list[bool]:
    """Modes, and which weights are frozen."""
    modes = [module.training for network in networks for module in network.modules()]
    return modes + [weight.requires_grad for network in networks for weight in network.parameters()]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_training_is_the_same_to_the_last_bit(tiny: Build, pack: Any, name: str) -> None:
    config = tiny(**VARIANTS[name])
    with torch.random.fork_rng([]):
        alone = Learner(config, pack, CPU)
        for _ in range(3):
            alone.take_step([])
        expected = flat(alone.state_dict())
    watched = Watched(config, pack)
    networks = [player.network for player in watched.learner.method.players]
    for _ in range(3):
        watched.learner.take_step([])
        before = kept(networks)
        columns = watched.forward_pass({"loss_discriminator": 0.6})
        assert kept(networks) == before
    assert (columns["d_auc_val"] is not None) is isinstance(config.loss, AdversarialOptions)
    state = flat(watched.learner.state_dict())
    assert state.keys() == expected.keys()
    for path, value in expected.items():
        same = (
            torch.equal(state[path], value) if isinstance(value, Tensor) else state[path] == value
        )
        assert same, path


MEMORY: dict[str, dict[str, Any]] = {
    "50": {"data": {"train_pictures": 50}},
    "5000": {"data": {"train_pictures": 5000}},
    "50, dropout": {"data": {"train_pictures": 50}, "discriminator": {"dropout": 0.5}},
    "50, R1": {"data": {"train_pictures": 50}, "loss": {"r1_gamma": 10.0}},
    "50, augmented": {"data": {"train_pictures": 50}, "loss": {"augment": "translation_cutout"}},
}
"""What decides whether a discriminator remembers single pictures."""


@pytest.mark.slow
def test_a_discriminator_of_few_pictures_overfits_and_what_is_said_to_help_helps() -> None:
    memory: dict[str, float] = {}
    flagged: dict[str, list[Any]] = {}
    for name, changes in MEMORY.items():
        values: dict[str, Any] = {
            "data": {"source": "scenes", "pictures": 6400},
            "generator": {"kind": "unet", "width": 8, "depth": 3},
            "discriminator": {"kind": "patch", "width": 32},
            "loss": {"method": "gan", "l1_weight": 10.0},
            "optimizer": {"lr_ratio": 1.0},
            "schedule": {"kind": "constant"},
            "training": {"images": 6400, "ticks": 4},
        }
        values = {section: of | changes.get(section, {}) for section, of in values.items()}
        ticks: list[Any] = []
        train(parse_config(values, name), lambda metrics, _path, ticks=ticks: ticks.append(metrics))
        memory[name] = float(np.mean([tick["diag_d_gap_auc"] for tick in ticks[1:]]))
        flagged[name] = [tick["diag_overfitting"] for tick in ticks]
    # Over seeds 0, 1 and 2: 0.74 to 0.78 with 50 pictures, at most 0.53 with 5,000, 0.58 with
    # dropout, 0.59 with R1, 0.57 augmented.
    assert flagged["50"][-1] == 1
    assert memory["50"] > 0.69
    for name in MEMORY:
        if name != "50":
            assert flagged[name] == [0, 0, 0, 0], name
            assert memory[name] < memory["50"] - 0.08, name


def test_a_whole_training_reports_them(tiny: Build, pack: Any) -> None:
    ticks: list[Metrics] = []
    train(tiny(), lambda metrics, _path: ticks.append(metrics))
    for tick in ticks:
        assert {f"diag_{name}" for name in DIAGNOSTICS} <= tick.keys()
        assert tick["diag_overfitting"] in (0, 1)
        norm = tick["diag_d_loss_norm"]
        assert norm is not None and 0 < norm < 2


CPU = torch.device("cpu")


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), BatchNorm(4), spectral_norm(nn.Conv2d(4, 4, 3)), nn.Dropout(0.5)
    )


def test_modes_frozen_weights_statistics_and_chance_are_as_before() -> None:
    seen = network()
    seen[0].eval()
    seen[1].requires_grad_(False)
    modes = [module.training for module in seen.modules()]
    learned = [weight.requires_grad for weight in seen.parameters()]
    state, chance = copy.deepcopy(seen.state_dict()), torch.get_rng_state()
    with preserve_state([seen, seen], CPU):
        seen.train()
        assert not any(weight.requires_grad for weight in seen.parameters())
        assert not torch.equal(seen(torch.randn(3, 2, 8, 8)), seen(torch.randn(3, 2, 8, 8)))
    assert [module.training for module in seen.modules()] == modes
    assert [weight.requires_grad for weight in seen.parameters()] == learned
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(value, state[name]) for name, value in seen.state_dict().items())


def test_everything_is_put_back_when_looking_fails() -> None:
    seen, chance = network(), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), preserve_state([seen], CPU):
        seen.eval()
        torch.rand(3)
        _ = 1 / 0
    assert seen.training
    assert all(weight.requires_grad for weight in seen.parameters())
    assert torch.equal(torch.get_rng_state(), chance)


def test_the_greatest_singular_value_of_any_layer() -> None:
    seen = nn.Sequential(nn.Conv2d(3, 8, 4), nn.Flatten(), nn.Linear(200, 16), nn.Linear(16, 1))
    with torch.no_grad():
        seen[2].weight *= 5
    values = [
        torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item()
        for layer in (seen[0], seen[2], seen[3])
    ]
    chance = torch.get_rng_state()
    assert top_singular_value(seen) == pytest.approx(max(values), rel=0.05)
    assert top_singular_value(seen) <= max(values) * 1.0001
    assert torch.equal(torch.get_rng_state(), chance)


def test_spectral_normalization_keeps_it_at_1() -> None:
    layer = spectral_norm(nn.Linear(20, 10))
    for _ in range(100):
        layer(torch.zeros(1, 20))
    layer.eval()
    assert top_singular_value(nn.Sequential(layer)) == pytest.approx(1.0, rel=0.05)


def test_weights_of_zero_have_a_singular_value_of_0() -> None:
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert top_singular_value(layer) == 0.0
