"""A worker's settings, in a process of its own: they cannot be taken back."""

import subprocess
import sys


def test_threads_and_denormals() -> None:
    code = (
        "from colornet.training.process import prepare_worker\n"
        "import torch\n"
        "prepare_worker(1)\n"
        "tiny = torch.tensor([1e-39])\n"
        "print(torch.get_num_threads(), (tiny * 0.5).item())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0.0"]
