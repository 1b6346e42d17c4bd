"""What looking at the players costs, of the time of a tick: steps, evaluation and diagnosis.

    python -m pytest tests/benchmarks/test_diagnostics_cost.py -m slow -s

CPU seconds of one thread, all three measured in turn in the same ticks; the median tick counts.
"""

import statistics
import time

import pytest
import torch

from colornet.config.catalog import load_config
from colornet.data.packed import open_pack
from colornet.evaluation.evaluation import evaluate
from colornet.training.diagnostics import Diagnosis
from colornet.training.learner import Learner
from colornet.training.steps import Metrics, Totals

TICKS = 10
CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "images", "ticks"),
    [("pix2pix-small", 12_800, 20), ("pix2pix-small", 4_000, 10), ("unet-small", 4_000, 10)],
)
def test_share_of_a_tick(preset: str, images: int, ticks: int) -> None:
    torch.set_num_threads(1)
    config = load_config(preset, {"training.images": images, "training.ticks": ticks})
    pack = open_pack(config.data)
    learner, diagnosis = Learner(config, pack, CPU), Diagnosis(config, pack, CPU)
    history: list[Metrics] = []
    shares = []
    for number in range(TICKS):
        begun = time.process_time()
        for _ in range(learner.steps // ticks):
            learner.take_step(history)
        means, learner.totals = learner.totals.means(), Totals()
        stepped = time.process_time()
        metrics = evaluate(learner.generator, pack, "val", CPU).means()
        evaluated = time.process_time()
        history.append(metrics | diagnosis.columns(learner, means, metrics, history))
        looked = time.process_time()
        shares.append((looked - evaluated) / (looked - begun))
        print(
            f"tick {number + 1}: steps {stepped - begun:.3f} s, evaluation "
            f"{evaluated - stepped:.3f} s, diagnosis {looked - evaluated:.3f} s: {shares[-1]:.1%}"
        )
    print(f"{preset}, {images} pictures in {ticks} ticks: {statistics.median(shares):.1%}")
    assert statistics.median(shares) <= 0.05
