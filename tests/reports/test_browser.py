"""The page in headless Chromium: it draws everything, asks for nothing, and reacts."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.commands import report
from reports.page import render

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not os.path.exists(CHROMIUM):
        pytest.skip("no chromium here")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def sweep(build) -> Path:
    """Twelve trials, two objectives, every kind of dimension, pictures, and a failure."""
    objectives = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    space = {
        "optimizer.generator_lr": {"type": "loguniform", "low": 1e-5, "high": 2e-3},
        "loss.adversarial": {"type": "choice", "choices": ["bce", "hinge"]},
        "loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0},
    }
    builder = build(space, objectives=objectives)
    rng = np.random.default_rng(0)
    for index in range(12):
        point = {
            "optimizer.generator_lr": float(10 ** rng.uniform(-5, -3)),
            "loss.adversarial": ["bce", "hinge"][index % 2],
            "loss.l1_weight": 0 if index % 4 == 0 else float(10 ** rng.uniform(0, 2)),
        }
        psnr = {"val_psnr": 20.0 + rng.normal()}
        builder.trial(point, 9.0 + rng.normal(), metrics=psnr, pictures=2)
    builder.trial(point, 9.0, "diverged", ticks=2, reason="=NaN at step 12")
    builder.tables()
    return report(str(builder.folder)).path


def opened(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    """A tab with the page, and whatever it complained about or asked for."""
    page = browser.new_page(**options)
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    url = path.as_uri()
    page.on("request", lambda r: noise.append(r.url) if r.url != url and ":" in r.url[:5] else None)
    page.goto(url)
    page.wait_for_selector("#trials-table tbody tr, #trials-count")
    return page, noise


def undrawn(page: Any) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('.panel:not([hidden]) .chart')]"
        ".filter((chart) => !chart.querySelector('svg.main-svg')).map((chart) => chart.id)"
    )


def test_everything_is_drawn_and_nothing_asked_for(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep)
    page.wait_for_timeout(300)
    assert undrawn(page) == []
    assert page.locator(".panel:not([hidden]) .chart").count() == 12
    assert page.locator(".gallery img").count() == 12
    broken = "[...document.images].filter((image) => !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    for select in page.locator("select[data-select]").all():
        select.select_option(index=1)
    assert undrawn(page) == []
    assert [entry for entry in noise if not entry.startswith("data:")] == []


def test_sorting_and_filtering(browser: Any, sweep: Path) -> None:
    page, _ = opened(browser, sweep)
    trials = "#trials-table tbody tr td:nth-child(2)"
    page.click("#trials-table thead button:has-text('val_psnr')")
    rising = page.locator(trials).all_inner_texts()
    page.click("#trials-table thead button:has-text('val_psnr')")
    falling = page.locator(trials).all_inner_texts()
    assert len(rising) == 13 and rising != falling
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("val_psnr")
    page.fill("#trials-text", "hinge")
    assert page.inner_text("#trials-count") == "7 of 13 trials"
    page.fill("#trials-text", "")
    page.select_option("#trials-state", "diverged")
    assert page.locator(trials).all_inner_texts() == ["t00012"]


def test_csv_keeps_numbers_and_disarms_formulas(browser: Any, sweep: Path) -> None:
    page, _ = opened(browser, sweep)
    page.select_option("#trials-state", "diverged")
    with page.expect_download() as download:
        page.click("#trials-csv")
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    head, line = text.splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    assert cells["reason"] == "'=NaN at step 12"
    assert cells["trial"] == "t00012"
    assert float(cells["optimizer.generator_lr"]) > 0
    assert float(cells["val_ab_mae"]) == pytest.approx(9 * 1.25)


def test_dark_scheme_recolors_charts(browser: Any, sweep: Path) -> None:
    colors = {}
    for scheme in ("light", "dark"):
        page, noise = opened(browser, sweep, color_scheme=scheme)
        tick = "getComputedStyle(document.querySelector('.xtick text')).fill"
        colors[scheme] = (
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
            page.evaluate(tick),
        )
        assert noise == [entry for entry in noise if entry.startswith("data:")]
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert page.evaluate(tick) == colors["light"][1]
    assert colors["light"][0] != colors["dark"][0] and colors["light"][1] != colors["dark"][1]


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_width_overflows(browser: Any, sweep: Path, width: int) -> None:
    page, noise = opened(browser, sweep, viewport={"width": width, "height": 800})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [entry for entry in noise if not entry.startswith("data:")] == []


def test_hostile_text_runs_nothing(browser: Any, hostile: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render(hostile), encoding="utf-8")
    page = browser.new_page()
    noise: list[str] = []
    page.on("dialog", lambda dialog: (noise.append("dialog"), dialog.dismiss()))
    page.on("console", lambda message: noise.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    for chart in page.locator(".panel:not([hidden]) .chart .point").all()[:5]:
        chart.hover(force=True)
    assert noise == []
    assert undrawn(page) == []
    assert page.locator("main img:not([src^='data:image/webp'])").count() == 0
    assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0


def test_copy_puts_the_command_on_the_clipboard(browser: Any, sweep: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(sweep.as_uri())
    page.click("button.copy >> nth=1")
    page.wait_for_selector("button.copy:has-text('Copied')")
    context.close()
