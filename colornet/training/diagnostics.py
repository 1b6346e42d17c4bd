"""Whether the discriminator still has something to learn, and whether it overfits.

Measured once per tick, on a few pictures, without leaving a trace: the training is the same to
the last bit as without.

The generator colorizes as it does in training, since those are the fakes that its discriminator
knows: with the weights themselves and not their running mean, with dropout, with the batch's
statistics. The discriminator judges with all it knows: without dropout, augmentation and noise.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from colornet.color import AB_RANGE
from colornet.config.columns import DIAGNOSTICS, finite_or_none
from colornet.config.config import Config
from colornet.config.sections.losses import AdversarialOptions
from colornet.data.packed import Pack
from colornet.evaluation import discriminator_stats
from colornet.networks.heads import DiscriminatorNetwork
from colornet.pictures import Pictures, Prediction
from colornet.training.learner import Learner
from colornet.training.losses import ADVERSARIAL, floor_and_equilibrium, penalty_weight
from colornet.training.methods.player import Batch
from colornet.training.steps import History, Metrics

_REALS, _FAKES = 8, 32
"""One real picture is judged, and one is colorized, for so many that a tick shows."""
_FEWEST_REALS, _MOST_REALS = 32, 512
_FEWEST_FAKES, _MOST_FAKES = 8, 256
_COMPARED = 4
"""Pictures whose gradients are compared."""
_ITERATIONS = 10
"""Of the power method: at worst a few percent too low."""


class Diagnosis:
    """What the columns `diag_*` of a training's ticks say.

    Args:
        config: with its budget in images.
        pack: the training's pictures.
        device: where its networks are.
    """

    def __init__(self, config: Config, pack: Pack, device: torch.device) -> None:
        assert config.training.images is not None
        self.config, self.device = config, device
        loss = config.loss
        self.options = (
            loss if isinstance(loss, AdversarialOptions) and loss.adversarial != "none" else None
        )
        self.limits = floor_and_equilibrium(self.options) if self.options else None
        a_tick = config.training.images // config.training.ticks
        self.fakes = min(max(_FEWEST_FAKES, a_tick // _FAKES), _MOST_FAKES)
        self.reals = min(max(_FEWEST_REALS, a_tick // _REALS), _MOST_REALS)
        if self.options and self.options.discriminator_batches == "mixed":
            self.reals = self.fakes  # They share batches.
        self.trained = min(self.reals, len(pack.indices("train")))
        held_out = pack.indices("val")[: self.reals]
        self.held_out = torch.from_numpy(np.array(pack.pictures[held_out]))

    def columns(
        self, learner: Learner, means: Mapping[str, float], metrics: Metrics, history: History
    ) -> Metrics:
        """Every `diag_<name>` of DIAGNOSTICS, None where it does not apply.

        What is said of the discriminator is None also in a tick in which it had no turn, as in
        pretraining.

        Args:
            means: of the losses and gradient norms of the tick's steps.
            metrics: the tick's other columns.
            history: the ticks before.
        """
        columns: Metrics = dict.fromkeys(DIAGNOSTICS)
        columns["restores"] = learner.restores
        for player in learner.method.players:
            columns[f"grad_norm_{player.name}"] = means.get(f"grad_norm_{player.name}")
        # The first of the training's order: a random sample, and shown by now.
        shown = learner.feed.batch(0, min(self.trained, learner.seen))
        networks = [player.network for player in learner.method.players]
        discriminator = learner.method.discriminator
        with preserve_state([*networks, learner.generator], self.device):
            columns["train_val_gap"] = self._train_val_gap(learner, shown, metrics)
            if self.options and discriminator and "loss_discriminator" in means:
                reduced = learner.autocast
                autocast = torch.autocast(self.device.type, reduced, enabled=reduced is not None)
                probe = _Probe(learner, self.options, discriminator, autocast)
                held_out = Pictures(self.held_out.to(self.device))
                columns |= probe.discriminator_scores(shown, held_out, self.fakes)
                columns["d_top_singular"] = finite_or_none(top_singular_value(discriminator))
                columns["g_adv_share"] = probe.adversarial_share()
                loss = means["loss_discriminator"]
                loss -= penalty_weight(self.options) * means.get("loss_penalty", 0.0)
                columns["d_loss_norm"] = discriminator_stats.loss_norm(loss, self.limits)
        if self.options and self.options.adversarial_weight:
            columns |= _alarms(columns, history, len(shown), len(self.held_out))
        return {f"diag_{name}": value for name, value in columns.items()}

    def _train_val_gap(self, learner: Learner, shown: Pictures, metrics: Metrics) -> float | None:
        """How much better training pictures are colorized than held-out ones, Lab units."""
        generator = learner.generator.eval()
        few = Pictures(shown.pixels[: self.fakes])
        with torch.no_grad():
            errors = [
                (generator.colorize(part).ab - part.ab).abs().mean((1, 2, 3))
                for part in _parts(few, self.config.training.batch_size)
            ]
        held_out = metrics["val_ab_mae"]
        assert held_out is not None
        return finite_or_none(held_out - float(torch.cat(errors).mean()) * AB_RANGE)


@dataclass(frozen=True)
class _Probe:
    """The two players of a training between two steps."""

    learner: Learner
    options: AdversarialOptions
    discriminator: DiscriminatorNetwork
    autocast: torch.autocast

    def discriminator_scores(self, shown: Pictures, held_out: Pictures, fakes: int) -> Metrics:
        """What the discriminator makes of training pictures and of held-out ones.

        Args:
            fakes: how many of either are also colorized.
        """
        learner, discriminator = self.learner, self.discriminator
        learner.method.generator.train()
        discriminator.eval()
        real = learner.others.batch(0, len(shown)) if learner.others else shown
        colored, foreign = Pictures(shown.pixels[:fakes]), Pictures(held_out.pixels[:fakes])
        with torch.no_grad(), self.autocast:
            batches = self._together(real, held_out), self._together(colored, foreign)
            logits = self._of_both_kinds(*batches)
            if len(foreign) > 1 and (discriminator.conditional or discriminator.space != "ab"):
                logits |= self._of_pairs(foreign)
        absmax = torch.stack([values.abs().max() for values in logits.values()]).max()
        scores = {kind: values.flatten(1).mean(1).cpu().numpy() for kind, values in logits.items()}
        columns: Metrics = {"logit_absmax": finite_or_none(float(absmax))}
        boundary = ADVERSARIAL[self.options.adversarial].boundary
        stats = discriminator_stats.Scores(**scores)
        return columns | discriminator_stats.discriminator_columns(stats, boundary)

    def _together(self, shown: Pictures, held_out: Pictures) -> list[tuple[Pictures, int]]:
        """Batches of both, in the same proportion, and how many of a batch were shown.

        What batch normalization does to a score then does not tell them apart: measured, it moves
        the AUROC of equal sets by 0.09 (rms of 200 pictures each), in shared batches by 0.025.
        """
        size = self.learner.config.training.batch_size
        count = min(ceil((len(shown) + len(held_out)) / size), len(shown), len(held_out))
        split = (pictures.pixels.tensor_split(count) for pictures in (shown, held_out))
        parts = zip(*split, strict=True)
        return [(Pictures(torch.cat(pair)), len(pair[0])) for pair in parts]

    def _of_both_kinds(
        self, real: list[tuple[Pictures, int]], grey: list[tuple[Pictures, int]]
    ) -> dict[str, Tensor]:
        """Logits of real pictures and of colorized grey ones."""
        generator = self.learner.method.generator
        reals = (self.discriminator.view(part, generator.grey(part)) for part, _ in real)
        fakes = (self._fake(part) for part, _ in grey)
        if self.options.discriminator_batches == "mixed":
            both = [self.discriminator(torch.cat(pair)) for pair in zip(reals, fakes, strict=True)]
            of_reals, of_fakes = zip(*(logits.chunk(2) for logits in both), strict=True)
        else:
            of_reals = [self.discriminator(view) for view in reals]
            of_fakes = [self.discriminator(view) for view in fakes]
        return _split_by_origin("real", real, of_reals) | _split_by_origin("fake", grey, of_fakes)

    def _of_pairs(self, pictures: Pictures) -> dict[str, Tensor]:
        """Logits of pictures in their own and in one another's colors, in shared batches."""
        logits = []
        for part in _parts(pictures, self.learner.config.training.batch_size):
            grey = self.learner.method.generator.grey(part)
            foreign = Prediction("ab", part.ab.roll(1, 0), part.lightness)
            views = [self.discriminator.view(picture, grey) for picture in (part, foreign)]
            logits.append(self.discriminator(torch.cat(views)).chunk(2))
        matched, mismatched = zip(*logits, strict=True)
        return {"matched": torch.cat(matched), "mismatched": torch.cat(mismatched)}

    def _fake(self, pictures: Pictures) -> Tensor:
        """The discriminator's view of pictures in predicted colors."""
        generator = self.learner.method.generator
        grey = generator.grey(pictures)
        prediction = Prediction(generator.space, generator(grey), pictures.lightness)
        return self.discriminator.view(prediction, grey)

    def adversarial_share(self) -> float | None:
        """Share of the adversarial term in the two gradients' norms at the prediction, in [0, 1].

        0: the discriminator has no effect; 1: nothing else has.
        """
        learner = self.learner
        for player in learner.method.players:
            player.network.train()
        count = min(_COMPARED, learner.config.training.batch_size)
        others = learner.others.batch(0, count) if learner.others else None
        batch = Batch(learner.feed.batch(0, count), others, learner.step, learner.progress)
        with self.autocast:
            forward = learner.method.forward_pass(batch)
            values = forward.prediction.values.requires_grad_()
            generator = next(player for player in learner.method.players if player.predicts)
            terms = generator.losses(forward)
        weighted = self.options.adversarial_weight * terms["loss_adversarial"]
        # At the prediction, not at the weights: both terms are compared pixel by pixel, without the
        # generator's own Jacobian, which scales both.
        (adversarial,) = torch.autograd.grad(weighted, values, retain_graph=True)
        (total,) = torch.autograd.grad(terms["loss_generator"], values)
        norm, rest = float(adversarial.norm()), float((total - adversarial).norm())
        return finite_or_none(norm / (norm + rest)) if norm + rest else None


def _alarms(columns: Metrics, history: History, shown: int, held_out: int) -> Metrics:
    """Whether the discriminator overfits, or has won for good; None before its first turn."""
    gaps = [tick["diag_d_gap_auc"] for tick in history] + [columns["d_gap_auc"]]
    norms = [tick["diag_d_loss_norm"] for tick in history] + [columns["d_loss_norm"]]
    alarms: Metrics = {"overfitting": None, "collapsed": None}
    if any(gap is not None for gap in gaps):
        alarms["overfitting"] = int(discriminator_stats.overfits(gaps, shown, held_out))
    if any(norm is not None for norm in norms):
        alarms["collapsed"] = int(discriminator_stats.collapsed(norms))
    return alarms


def _split_by_origin(
    kind: str, batches: list[tuple[Pictures, int]], logits: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Logits of shared batches, those of shown and of held-out pictures."""
    pairs = zip(logits, batches, strict=True)
    parts = [batch.tensor_split([shown]) for batch, (_, shown) in pairs]
    train, val = zip(*parts, strict=True)
    return {f"{kind}_train": torch.cat(train), f"{kind}_val": torch.cat(val)}


def _parts(pictures: Pictures, size: int) -> list[Pictures]:
    """Batches of at most `size` pictures and of nearly equal size: none has a single one left."""
    parts = pictures.pixels.tensor_split(ceil(len(pictures) / size))
    return [Pictures(part) for part in parts]


@contextmanager
def preserve_state(networks: Sequence[nn.Module], device: torch.device) -> Generator[None]:
    """Freeze networks meanwhile; afterwards modes, frozen weights and random state are as before.

    A frozen layer keeps no statistics in training mode either (`colornet.networks.layers`), so
    that any mode may be set meanwhile.
    """
    modules = [module for network in networks for module in network.modules()]
    weights = [weight for network in networks for weight in network.parameters()]
    modes = [module.training for module in modules]
    learned = [weight.requires_grad for weight in weights]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for weight in weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight, is_learned in zip(weights, learned, strict=True):
                weight.requires_grad_(is_learned)
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode


@torch.no_grad()
def top_singular_value(network: nn.Module) -> float:
    """The greatest singular value of any of a network's weights, each as a matrix (outputs, rest).

    Its sudden growth announces a collapse (Brock et al. 2018, section 4.1). Spectral normalization
    keeps it at 1. Estimated by the power method.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    values = [_norm(layer.weight.float().flatten(1)) for layer in layers]
    return float(torch.stack(values).max())


def _norm(matrix: torch.Tensor) -> torch.Tensor:
    # v <- W^T W v / |.| turns to the largest singular vector; |W^T u| is its singular value, from
    # below. A fixed start makes it a function of the weights alone.
    stream = torch.Generator().manual_seed(0)
    right = torch.randn(matrix.shape[1], generator=stream).to(matrix.device)
    for _ in range(_ITERATIONS):
        left = functional.normalize(matrix @ right, dim=0)
        right = matrix.T @ left
    return right.norm()
