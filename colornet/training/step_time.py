"""How long the parts of a training take on this machine, measured on a few of its steps.

Time is taken from the middle of the training, where warm-up and pretraining are over and as many
pictures are diagnosed as in most ticks.
"""

import tempfile
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch

from colornet.config.config import Config
from colornet.config.sections.losses import AdversarialOptions
from colornet.training import checkpoint
from colornet.training.loop import TrainingRun, start_training

_FIRST = 2
"""Steps that are slower than those after them: memory is claimed, kernels are chosen."""
_MIDDLE = 0.5
"""Share of the budget at which time is taken, where no pretraining lasts longer."""


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        setup_seconds: from nothing to the first steps, and what these took beyond later ones: packs
            are opened, baselines measured, networks built. Libraries are loaded before.
        seconds_per_picture: of a training step, by picture.
        evaluation_seconds: of all held-out pictures that a tick looks at, `evaluate_on` included.
        diagnosis_seconds, checkpoint_seconds: of one each.
        checkpoint_bytes: of one on the disk.
        peak_memory: MB (10^6 bytes), of the device, or of the process on a CPU.
    """

    setup_seconds: float
    seconds_per_picture: float
    evaluation_seconds: float
    diagnosis_seconds: float
    checkpoint_seconds: float
    checkpoint_bytes: int
    peak_memory: float


def probe(config: Config, steps: int = 12) -> Timing:
    """Train a few steps of a config, evaluate, diagnose and write a checkpoint, all for real.

    Args:
        config: complete, its budget in images or epochs.
        steps: of training, at least 3.

    Raises:
        InputError: a config that the pictures cannot serve.
        DivergedError: the generator became non-finite within these steps.
    """
    assert steps > _FIRST
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="colorsweep-probe-") as folder,
        start_training(config, Path(folder)) as training,
    ):
        built = time.monotonic() - begun
        learner, loss = training.learner, training.config.loss
        share = max(_MIDDLE, loss.pretrain if isinstance(loss, AdversarialOptions) else 0.0)
        size = training.config.training.batch_size
        learner.seen = ceil(share * learner.images / size) * size
        first = _take_steps(training, _FIRST)
        later = _take_steps(training, steps - _FIRST)
        usual = later / (steps - _FIRST)
        training.step_seconds = first + later
        metrics = training.measure(1, training.learner.totals.means())
        training.history.append(metrics)
        begun = time.monotonic()
        path = training.save(checkpoint.name(1), training.state())
        assert path is not None
        return Timing(
            setup_seconds=built + max(0.0, first - _FIRST * usual),
            seconds_per_picture=usual / training.config.training.batch_size,
            evaluation_seconds=metrics["cost_evaluation_seconds"] or 0.0,
            diagnosis_seconds=metrics["cost_diagnosis_seconds"] or 0.0,
            checkpoint_seconds=time.monotonic() - begun,
            checkpoint_bytes=sum(file.stat().st_size for file in path.iterdir()),
            peak_memory=max(metrics["cost_peak_memory"] or 0.0, training.memory.read()),
        )


def _take_steps(training: TrainingRun, count: int) -> float:
    """Seconds that so many steps take."""
    # A card may still be at work on what it was given.
    wait = torch.cuda.synchronize if training.device.type == "cuda" else lambda: None
    wait()
    begun = time.monotonic()
    for _ in range(count):
        training.learner.take_step(training.history)
    wait()
    return time.monotonic() - begun
