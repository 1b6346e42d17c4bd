"""What a report of a large sweep takes: seconds, memory, bytes.

Bars: 1,000 trials of 50 ticks in 10 s, 1 GB, 10 MB; 10,000 of 100 in 30 s, 2 GB, 20 MB. Seconds
are printed, memory and bytes are asserted.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sweeps import write_sweep

pytestmark = pytest.mark.slow

MEASURED = """
import json, resource, sys, time
from pathlib import Path
started = time.monotonic()
from reports.commands import report
size = report(sys.argv[1], out=Path(sys.argv[2])).size
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": time.monotonic() - started,
    "cpu": used.ru_utime + used.ru_stime,
    "memory": used.ru_maxrss * 1024,
    "size": size,
}))
"""


@pytest.mark.parametrize(
    ("trials", "ticks", "memory", "size"), [(1000, 50, 1e9, 10e6), (10_000, 100, 2e9, 20e6)]
)
def test_a_report_of_many_trials(
    tmp_path: Path, trials: int, ticks: int, memory: float, size: float
) -> None:
    sweep = write_sweep(tmp_path / "large", trials, ticks)
    words = [sys.executable, "-c", MEASURED, str(sweep), str(tmp_path / "report.html")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    used = json.loads(done.stdout)
    print(
        f"\n{trials:,} trials of {ticks} ticks: {used['seconds']:.1f} s ({used['cpu']:.1f} s of "
        f"CPU), {used['memory'] / 1e9:.2f} GB, {used['size'] / 1e6:.1f} MB"
    )
    assert used["memory"] < memory
    assert used["size"] < size
