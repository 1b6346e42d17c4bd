"""The ranks of a training that spans processes: who has which share, and what they agree on.

A training on several ranks is the same training as on one. Each rank takes its part of every batch,
and what is learned from all parts is summed before any weight moves; each evaluates its part of the
held-out batches, and every rank knows all results, so that all decide alike. Without a process
group there is one rank, and everything here does nothing.

These are torch.distributed's primitives and not DistributedDataParallel, which wants one forward
and one backward of one module a step: players have several turns on one prediction, with the others
frozen meanwhile.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from colornet import interrupt
from colornet.errors import ColorsweepError, TrainingInterrupted

CHECK_SECONDS = 2.0
"""Between two looks of all ranks whether one of them was asked to stop."""
Plain = TypeVar("Plain")


@dataclass(frozen=True)
class Ranks:
    """The processes of one training.

    Attributes:
        rank: which of them this is, 0 .. world - 1.
        world: how many there are.
        device: where tensors must be to be exchanged.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def here(cls, device: torch.device) -> "Ranks":
        """Those of the process group, or this process alone."""
        if not dist.is_available() or not dist.is_initialized():
            return cls()
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes and reports."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """This rank's part of `count` things; no two ranks' parts differ by more than one."""
        # Neighbors share an end, so that every thing has one owner whatever `count` is.
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def share(self, count: int) -> float:
        """The same as a share of the whole, which the parts' means are weighted by."""
        part = self.part(count)
        return (part.stop - part.start) / count

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all ranks, in one exchange."""
        if self.world == 1 or not tensors:
            return
        # One exchange of one tensor: the time of an exchange is mostly its latency.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def mean_(self, tensors: Sequence[Tensor], share: float) -> None:
        """Replace means over this rank's part by means over all parts.

        Args:
            share: this part's, as `share` gives it.
        """
        if self.world > 1 and tensors:
            torch._foreach_mul_(tuple(tensors), share)
            self.sum_(tensors)

    def maximum(self, values: Sequence[float]) -> list[float]:
        """The greatest value that any rank has in each place."""
        if self.world == 1:
            return list(values)
        greatest = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(greatest, dist.ReduceOp.MAX)
        return greatest.tolist()

    def gather(self, value: Plain) -> list[Plain]:
        """Every rank's value, on the first; on the others nothing."""
        if self.world == 1:
            return [value]
        values: list[Any] | None = [None] * self.world if self.is_first else None
        dist.gather_object(value, values)
        return values or []

    def broadcast(self, value: Plain) -> Plain:
        """The first rank's value."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    @contextmanager
    def on_first(self) -> Generator[bool]:
        """What the first rank does alone; the others wait. Yields whether this is the first.

        What it raises in there ends every rank: the others raise TrainingInterrupted where it does,
        ColorsweepError elsewhere.
        """
        if self.world == 1:
            yield True
            return
        failure: BaseException | None = None
        try:
            yield self.is_first
        except BaseException as error:
            failure = error
        ended = type(failure).__name__, str(failure), isinstance(failure, TrainingInterrupted)
        reason = self.broadcast(None if failure is None else ended)
        if failure is not None:
            raise failure
        if reason is not None:
            name, message, interrupted = reason
            kind = TrainingInterrupted if interrupted else ColorsweepError
            raise kind(f"the first rank ended: {name}: {message}")


class StopChecks:
    """Whether a training is asked to stop: all ranks know it before the same step.

    They look together every 2 seconds, after a number of steps that follows from how long the
    slowest rank took for the last ones.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.steps, self.step_seconds = 1, CHECK_SECONDS
        self.begin()

    def begin(self) -> None:
        """Look before the next step; what was between the steps says nothing of their time."""
        self.steps_left, self.last_check = 0, 0.0

    def requested(self) -> bool:
        """Whether to stop before the next step; called before each by every rank."""
        if self.ranks.world == 1:
            return interrupt.requested.is_set()
        if self.steps_left:
            self.steps_left -= 1
            return False
        if self.last_check:
            self.step_seconds = (time.monotonic() - self.last_check) / self.steps
        requested = float(interrupt.requested.is_set())
        requested, self.step_seconds = self.ranks.maximum([requested, self.step_seconds])
        # The slowest rank's time, so that all of them come to the next check after as many steps.
        self.steps = max(1, int(CHECK_SECONDS / max(self.step_seconds, 1e-6)))
        self.steps_left, self.last_check = self.steps - 1, time.monotonic()
        return bool(requested)


class _Sum(torch.autograd.Function):
    """The sum over ranks, as often differentiable as one likes: its gradient is a sum too."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        total = part.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        # y is the sum of all x_i, and every rank's loss depends on y: dL/dx_i is the sum of dL/dy.
        return _Sum.apply(grad_outputs[0].contiguous())


def batch_statistics(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel over the batches of all ranks, with their gradients.

    Exact for parts of any size, by the ranks' own means and variances (Chan et al. 1979).

    Args:
        values: (N, C, H, W) float32.

    Returns:
        mean (C,), variance (C,) without correction, and the number of values per channel, ().
    """
    # With parts of n_i values, mean = sum n_i m_i / n and variance = sum n_i (v_i + (m_i - mean)^2)
    # / n, which loses no digits as E x^2 - mean^2 does. Each rank puts its own numbers into its own
    # row of zeros, so that one sum hands all of them to all.
    variance_here, mean_here = torch.var_mean(values, (0, 2, 3), correction=0)
    count = mean_here.new_full((1,), values.numel() / values.shape[1])
    row = torch.zeros(dist.get_world_size(), 1, device=values.device)
    row[dist.get_rank()] = 1.0
    rows: Any = _Sum.apply(row * torch.cat((mean_here, variance_here, count)))
    means, variances, counts = rows.split([len(mean_here), len(mean_here), 1], 1)
    total = counts.sum()
    mean = (means * counts).sum(0) / total
    variance = ((variances + (means - mean).square()) * counts).sum(0) / total
    return mean, variance, total


def prepare_worker(threads: int) -> None:
    """Give this thread its CPUs; call it before the first tensor operation.

    More threads than CPUs make trainings that run side by side several times slower. Denormal
    numbers, which a decaying Adam moment can turn into, make a convolution a hundred times slower;
    the setting holds for the calling thread and for threads that torch starts later.

    Args:
        threads: CPUs that belong to this worker.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
