"""What a report of a large sweep takes: seconds, memory, bytes, and time in the browser.

Bars: 1,000 trials of 50 ticks in 10 s, 1 GB, 10 MB; 10,000 of 100 in 30 s, 2 GB, 20 MB; first
content in 5 s, and 0.5 s from the end of a brush until everything in view follows. Seconds are
printed, memory and bytes are asserted.
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

FIRST = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
WATCHED = """() => {
  addEventListener("mouseup", () => { window.ended = performance.now(); }, true);
  const settled = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.reacted = (performance.now() - window.ended) / 1000;
  }));
  const count = document.getElementById("trials-count");
  new MutationObserver(settled).observe(count, { childList: true });
}"""


def in_browser(path: Path) -> tuple[float, float]:
    """Seconds until first content, and from the end of a brush until it is on the screen."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        first = page.evaluate(FIRST)
        page.evaluate("document.getElementById('chart-dimensions-0').scrollIntoView()")
        page.wait_for_selector("#chart-dimensions-0 .nsewdrag")
        page.wait_for_timeout(3000)
        page.evaluate(WATCHED)
        box = page.locator("#chart-dimensions-0 .nsewdrag").first.bounding_box()
        page.mouse.move(box["x"] + 1, box["y"] + 1)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 1, steps=5)
        page.mouse.up()
        page.wait_for_function("() => window.reacted !== undefined")
        reacted = page.evaluate("window.reacted")
        assert page.inner_text("#selection-text")
        browser.close()
    return first, reacted


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
    first, reacted = in_browser(tmp_path / "report.html")
    print(
        f"\n{trials:,} trials of {ticks} ticks: {used['seconds']:.1f} s ({used['cpu']:.1f} s of "
        f"CPU), {used['memory'] / 1e9:.2f} GB, {used['size'] / 1e6:.1f} MB; first content after "
        f"{first:.1f} s, a brush takes {reacted:.2f} s"
    )
    assert used["memory"] < memory
    assert used["size"] < size
