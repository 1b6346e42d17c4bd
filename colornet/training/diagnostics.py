"""Whether a training is still a contest, and whether its discriminator overfits.

Looked at once per tick, on a few pictures, without leaving a trace: the training is the same to
the last bit as without.

The generator colorizes as it does in training, since those are the fakes that its discriminator
knows: with the weights themselves and not their running mean, with dropout, with the batch's
statistics. The discriminator judges with all it knows: without dropout, augmentation and noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np
import torch
from torch import Tensor

from colornet.color import AB_RANGE
from colornet.config.columns import DIAGNOSTICS
from colornet.config.config import Config
from colornet.config.sections.losses import Game
from colornet.data.packed import Pack
from colornet.evaluation.discriminator_stats import (
    Scores,
    collapsed,
    judgement_columns,
    loss_norm,
    overfits,
)
from colornet.evaluation.network_probes import top_singular_value, unchanged
from colornet.networks.heads import Judge
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
        self.game = loss if isinstance(loss, Game) and loss.adversarial != "none" else None
        self.limits = floor_and_equilibrium(self.game) if self.game else None
        a_tick = config.training.images // config.training.ticks
        self.fakes = min(max(_FEWEST_FAKES, a_tick // _FAKES), _MOST_FAKES)
        self.reals = min(max(_FEWEST_REALS, a_tick // _REALS), _MOST_REALS)
        if self.game and self.game.discriminator_batches == "mixed":
            self.reals = self.fakes  # They share batches.
        self.shown = min(self.reals, len(pack.indices("train")))
        held_out = pack.indices("val")[: self.reals]
        self.held_out = torch.from_numpy(np.array(pack.pictures[held_out]))

    def columns(
        self, learner: Learner, means: Mapping[str, float], metrics: Metrics, history: History
    ) -> Metrics:
        """Every `diag_<name>` of DIAGNOSTICS, None where it does not apply.

        What there is to say of a contest is None also in a tick in which the discriminator did not
        play, as in pretraining.

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
        shown = learner.feed.batch(0, min(self.shown, learner.seen))
        networks = [player.network for player in learner.method.players]
        judge = learner.method.judge
        with unchanged([*networks, learner.generator], self.device):
            columns["train_val_gap"] = self._train_val_gap(learner, shown, metrics)
            if self.game and judge and "loss_discriminator" in means:
                contest = _Contest(learner, self.game, judge, self.device)
                held_out = Pictures(self.held_out.to(self.device))
                columns |= contest.judgement(shown, held_out, self.fakes)
                columns["d_top_singular"] = _number(top_singular_value(judge))
                columns["g_adv_share"] = contest.adversarial_share()
                loss = means["loss_discriminator"]
                loss -= penalty_weight(self.game) * means.get("loss_penalty", 0.0)
                columns["d_loss_norm"] = loss_norm(loss, self.limits)
        if self.game and self.game.adversarial_weight:
            columns |= _alarms(columns, history, len(shown), len(self.held_out))
        return {f"diag_{name}": value for name, value in columns.items()}

    def _train_val_gap(self, learner: Learner, shown: Pictures, metrics: Metrics) -> float | None:
        """How much better training pictures are colorized than held-out ones, Lab units."""
        generator = learner.generator.eval()
        with torch.no_grad():
            errors = [
                (generator.colorize(part).ab - part.ab).abs().mean((1, 2, 3))
                for part in _parts(_first(shown, self.fakes), self.config.training.batch_size)
            ]
        held_out = metrics["val_ab_mae"]
        assert held_out is not None
        return _number(held_out - float(torch.cat(errors).mean()) * AB_RANGE)


@dataclass(frozen=True)
class _Contest:
    """The two players of a training, looked at between two steps."""

    learner: Learner
    game: Game
    judge: Judge
    device: torch.device

    def judgement(self, shown: Pictures, held_out: Pictures, fakes: int) -> Metrics:
        """What the discriminator makes of training pictures and of held-out ones.

        Args:
            fakes: how many of either are also colorized.
        """
        learner, judge = self.learner, self.judge
        learner.method.generator.train()
        judge.eval()
        real = learner.others.batch(0, len(shown)) if learner.others else shown
        colored, foreign = _first(shown, fakes), _first(held_out, fakes)
        with torch.no_grad(), self._autocast():
            logits = self._of_both_kinds(
                self._together(real, held_out), self._together(colored, foreign)
            )
            if len(foreign) > 1 and (judge.conditional or judge.space != "ab"):
                logits |= self._of_pairs(foreign)
        absmax = torch.stack([one.abs().max() for one in logits.values()]).max()
        scores = {kind: one.flatten(1).mean(1).cpu().numpy() for kind, one in logits.items()}
        columns: Metrics = {"logit_absmax": _number(float(absmax))}
        boundary = ADVERSARIAL[self.game.adversarial].boundary
        return columns | judgement_columns(Scores(**scores), boundary)

    def _together(self, shown: Pictures, held_out: Pictures) -> list[tuple[Pictures, int]]:
        """Batches of both, in the same proportion, and how many of a batch were shown.

        What batch normalisation does to a score then does not tell them apart: measured, it moves
        the AUROC of equal sets by 0.09 (rms of 200 pictures each), in shared batches by 0.025.
        """
        size = self.learner.config.training.batch_size
        count = min(ceil((len(shown) + len(held_out)) / size), len(shown), len(held_out))
        parts = zip(
            shown.pixels.tensor_split(count), held_out.pixels.tensor_split(count), strict=True
        )
        return [(Pictures(torch.cat(pair)), len(pair[0])) for pair in parts]

    def _of_both_kinds(
        self, real: list[tuple[Pictures, int]], grey: list[tuple[Pictures, int]]
    ) -> dict[str, Tensor]:
        """Logits of real pictures and of colorized grey ones."""
        reals = (self.judge.view(part, self._grey(part)) for part, _ in real)
        fakes = (self._fake(part) for part, _ in grey)
        if self.game.discriminator_batches == "mixed":
            both = [self._judged(*pair) for pair in zip(reals, fakes, strict=True)]
            of_reals, of_fakes = [pair[0] for pair in both], [pair[1] for pair in both]
        else:
            of_reals = [self.judge(view) for view in reals]
            of_fakes = [self.judge(view) for view in fakes]
        return _apart("real", real, of_reals) | _apart("fake", grey, of_fakes)

    def _of_pairs(self, pictures: Pictures) -> dict[str, Tensor]:
        """Logits of pictures in their own and in one another's colors, in shared batches."""
        judged = []
        for part in _parts(pictures, self.learner.config.training.batch_size):
            grey = self._grey(part)
            foreign = Prediction("ab", part.ab.roll(1, 0), part.lightness)
            judged.append(self._judged(self.judge.view(part, grey), self.judge.view(foreign, grey)))
        matched, mismatched = zip(*judged, strict=True)
        return {"matched": torch.cat(matched), "mismatched": torch.cat(mismatched)}

    def _judged(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Logits of two batches of views that are judged as one."""
        return self.judge(torch.cat((first, second))).split([len(first), len(second)])

    def _grey(self, pictures: Pictures) -> Tensor:
        return self.learner.method.generator.grey(pictures)

    def _fake(self, pictures: Pictures) -> Tensor:
        """The discriminator's view of pictures in predicted colors."""
        generator, grey = self.learner.method.generator, self._grey(pictures)
        prediction = Prediction(generator.space, generator(grey), pictures.lightness)
        return self.judge.view(prediction, grey)

    def adversarial_share(self) -> float | None:
        """Share of the adversarial term in the two gradients' norms at the prediction, in [0, 1].

        0: the discriminator is not heard; 1: nothing else asks for anything.
        """
        learner = self.learner
        for player in learner.method.players:
            player.network.train()
        count = min(_COMPARED, learner.config.training.batch_size)
        others = learner.others.batch(0, count) if learner.others else None
        batch = Batch(learner.feed.batch(0, count), others, learner.step, learner.progress)
        with self._autocast():
            scene = learner.method.look(batch)
            values = scene.prediction.values.requires_grad_()
            generator = next(one for one in learner.method.players if one.predicts)
            terms = generator.losses(scene)
        weighted = self.game.adversarial_weight * terms["loss_adversarial"]
        (adversarial,) = torch.autograd.grad(weighted, values, retain_graph=True)
        (total,) = torch.autograd.grad(terms["loss_generator"], values)
        own, rest = float(adversarial.norm()), float((total - adversarial).norm())
        return _number(own / (own + rest)) if own + rest else None

    def _autocast(self) -> torch.autocast:
        reduced = self.learner.autocast
        return torch.autocast(self.device.type, dtype=reduced, enabled=reduced is not None)


def _alarms(columns: Metrics, history: History, shown: int, held_out: int) -> Metrics:
    """Whether the discriminator overfits, and whether the contest is over; None before it began."""
    gaps = [tick["diag_d_gap_auc"] for tick in history] + [columns["d_gap_auc"]]
    norms = [tick["diag_d_loss_norm"] for tick in history] + [columns["d_loss_norm"]]
    return {
        "overfitting": int(overfits(gaps, shown, held_out)) if _begun(gaps) else None,
        "collapsed": int(collapsed(norms)) if _begun(norms) else None,
    }


def _apart(
    kind: str, batches: list[tuple[Pictures, int]], logits: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Logits of shared batches, those of shown and of held-out pictures."""
    parts = [one.tensor_split([shown]) for one, (_, shown) in zip(logits, batches, strict=True)]
    train, val = zip(*parts, strict=True)
    return {f"{kind}_train": torch.cat(train), f"{kind}_val": torch.cat(val)}


def _begun(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _first(pictures: Pictures, count: int) -> Pictures:
    return Pictures(pictures.pixels[:count])


def _parts(pictures: Pictures, size: int) -> list[Pictures]:
    """Batches of at most `size` pictures and of nearly equal size: none has a single one left."""
    parts = pictures.pixels.tensor_split(ceil(len(pictures) / size))
    return [Pictures(part) for part in parts]


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
