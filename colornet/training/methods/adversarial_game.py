"""The game of two players: when each has its turn, and what it minimizes in it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colornet.config.sections.losses import AdversarialOptions
from colornet.networks.heads import DiscriminatorNetwork
from colornet.training.augment import augment
from colornet.training.losses import ADVERSARIAL, penalty_weight
from colornet.training.methods.player import Batch
from colornet.training.stabilizers import add_noise, gradient_penalty, labels, r1

KINDS = ("real", "fake")


class AdversarialGame:
    """One discriminator against one generator.

    It remembers the number of the discriminator's turns, for `alternate` batches, and with a gate
    how the discriminator last did on each kind of pictures. Only a gate waits for the device.
    """

    def __init__(self, options: AdversarialOptions) -> None:
        self.options = options
        self.weight = penalty_weight(options)
        self.gated = options.gate_loss is not None or options.gate_accuracy is not None
        self.turns = 0
        self.memory: dict[str, Tensor] = {}

    def is_on(self, batch: Batch) -> bool:
        """Whether the discriminator takes part by now: not while the generator is pretrained."""
        options = self.options
        return options.adversarial != "none" and batch.progress >= options.pretrain

    def discriminator_turns(self, batch: Batch) -> int:
        """How often the discriminator learns from a batch."""
        due = batch.step % self.options.discriminator_every == 0
        return self.options.discriminator_steps if due and self.is_on(batch) else 0

    def generator_turns(self, batch: Batch) -> int:
        """How often the generator learns from a batch: once while it is pretrained."""
        if not self.is_on(batch):
            return 1
        due = batch.step % self.options.generator_every == 0
        return self.options.generator_steps if due and not self._generator_waits() else 0

    def discriminator_losses(
        self,
        discriminator: DiscriminatorNetwork,
        real_view: Tensor,
        fake_view: Tensor,
        batch: Batch,
    ) -> dict[str, Tensor]:
        """What the discriminator minimizes in one turn.

        Args:
            real_view, fake_view: (N, C, H, W), as the discriminator's `view` gives them; the fake
                one without the generator's graph.

        Returns:
            `loss_discriminator`, with the penalty, and where there is one `loss_penalty`, without
            its weight. A turn of `alternate` batches counts its one half twice, so that means over
            turns are those of `separate` batches.
        """
        real, fake = self._prepared(real_view, batch), self._prepared(fake_view, batch)
        wasserstein = self.options.adversarial == "wgan_gp"
        if self.weight and not wasserstein:
            # A leaf of its own: R1 wants its gradient, and no other tensor may come to need one.
            real = real.detach().requires_grad_()
        logits = self._logits(discriminator, real, fake)
        self.turns += 1
        # 2 in a turn about one kind of pictures, 1 otherwise.
        double = len(KINDS) / len(logits)
        total = double * self._discriminator_loss(logits, batch)
        if not self.weight or not (wasserstein or "real" in logits):
            return {"loss_discriminator": total}
        if wasserstein:
            weight, penalty = self.weight, gradient_penalty(discriminator, real, fake)
        else:
            weight, penalty = double * self.weight, r1(real, logits["real"])
        return {"loss_discriminator": total + weight * penalty, "loss_penalty": penalty}

    def generator_loss(
        self, discriminator: DiscriminatorNetwork, fake_view: Tensor, batch: Batch
    ) -> Tensor:
        """How real the generator's pictures look, a scalar to be minimized.

        Args:
            fake_view: (N, C, H, W), as the discriminator's `view` gives it, with the generator's
                graph.
        """
        logits = discriminator(self._prepared(fake_view, batch))
        return ADVERSARIAL[self.options.adversarial].generator(logits)

    def state_dict(self) -> dict[str, Any]:
        """Turns so far, and what the gates look at."""
        return {"turns": self.turns, "memory": dict(self.memory)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.turns, self.memory = state["turns"], dict(state["memory"])

    def _prepared(self, view: Tensor, batch: Batch) -> Tensor:
        """What the discriminator sees of a view; real and fake are augmented independently."""
        return add_noise(augment(view, self.options.augment), self.options, batch.progress)

    def _logits(
        self, discriminator: DiscriminatorNetwork, real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """The logits of the kinds that this turn is about."""
        batches = self.options.discriminator_batches
        if batches == "mixed":
            logits = discriminator(torch.cat((real, fake)))
            return {"real": logits[: len(real)], "fake": logits[len(real) :]}
        views = {"real": real, "fake": fake}
        kinds = KINDS if batches == "separate" else [KINDS[self.turns % len(KINDS)]]
        return {kind: discriminator(views[kind]) for kind in kinds}

    def _discriminator_loss(self, logits: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The loss on these logits without any penalty; noted for the gates."""
        adversarial = ADVERSARIAL[self.options.adversarial]
        losses = []
        for kind, judged in logits.items():
            targets = labels(self.options, len(judged), kind == "real", judged.device)
            loss = adversarial.real if kind == "real" else adversarial.fake
            losses.append(adversarial.share * loss(judged, targets))
            if self.gated:
                self._note(kind, losses[-1], judged, batch)
        return torch.stack(losses).sum()

    def _note(self, kind: str, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        """Remember the loss on one kind of pictures, and the share of them judged rightly.

        Both of the whole batch: a gate is open for all ranks or for none.
        """
        noted = {f"loss_{kind}": loss.detach().clone()}
        boundary = ADVERSARIAL[self.options.adversarial].boundary
        if boundary is not None:
            called_real = logits.detach().flatten(1).mean(1) > boundary
            right = called_real if kind == "real" else ~called_real
            noted[f"accuracy_{kind}"] = right.float().mean()
        batch.ranks.mean_(list(noted.values()), batch.share)
        self.memory |= noted

    def _generator_waits(self) -> bool:
        """Whether a gate is closed; it is before both kinds were judged."""
        if not self.gated:
            return False
        if any(f"loss_{kind}" not in self.memory for kind in KINDS):
            return True
        limit, least = self.options.gate_loss, self.options.gate_accuracy
        if limit is not None and sum(self.memory[f"loss_{kind}"].item() for kind in KINDS) > limit:
            return True
        if least is None:
            return False
        right = sum(self.memory[f"accuracy_{kind}"].item() for kind in KINDS)
        return right / len(KINDS) < least
