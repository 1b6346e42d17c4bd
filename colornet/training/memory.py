"""The most memory that was used since one last looked."""

import re
import resource
from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What the kernel wants to see to begin the peak anew (proc(5))."""


class PeakMemory:
    """The peak of the device's memory, or of the process's on a CPU, reading by reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._begin()

    def read(self) -> float:
        """Megabytes (10^6 bytes) at the peak since the last reading."""
        peak = self._peak() / 1e6
        self._begin()
        return peak

    def _peak(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        try:
            found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text())
        except OSError:
            found = None
        if found is None:
            # Not Linux: the peak since the process began, in kilobytes.
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return int(found[1]) * 1024

    def _begin(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            _RESET.write_text(_RESET_PEAK)
        except OSError:
            return  # Where the kernel forbids it, the peak is the process's.
