"""The peak between two readings."""

import numpy as np
import torch

from colornet.training.memory import PeakMemory

MEGABYTES = 200


def test_a_peak_is_seen_once() -> None:
    memory = PeakMemory(torch.device("cpu"))
    before = memory.read()
    np.ones(MEGABYTES * 1_000_000, np.uint8).sum()
    peak = memory.read()
    assert peak - before > 0.9 * MEGABYTES
    assert memory.read() < peak - 0.5 * MEGABYTES
