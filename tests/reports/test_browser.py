"""The page in headless Chromium: it draws everything, asks for nothing, and reacts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.commands import report
from reports.page.page import render

pytestmark = pytest.mark.browser
CHARTS_SHOWN = "[...document.querySelectorAll('.panel:not([hidden]) .chart')]"


@pytest.fixture(scope="module")
def sweep(build_once) -> Path:
    """Twelve trials, two objectives, every kind of dimension, pictures, and a failure."""
    objectives = {"val_ab_mae": "minimize", "val_psnr": "maximize"}
    space = {
        "optimizer.generator_lr": {"type": "loguniform", "low": 1e-5, "high": 2e-3},
        "loss.adversarial": {"type": "choice", "choices": ["bce", "hinge"]},
        "loss.l1_weight": {"type": "loguniform", "low": 1, "high": 300, "special": 0},
    }
    builder = build_once(space, objectives=objectives)
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


@pytest.fixture(autouse=True)
def closed_tabs(browser: Any) -> Iterator[None]:
    """No tab goes on drawing beside the next test's."""
    yield
    for context in browser.contexts:
        context.close()


def opened(browser: Any, path: Path, place: str = "", **options: Any) -> tuple[Any, list[str]]:
    """A tab with the page, and whatever it complained about or asked for."""
    page = browser.new_page(**options)
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    url = path.as_uri()
    page.on("request", lambda r: noise.append(r.url) if asked(r.url, url) else None)
    page.goto(url + place)
    page.wait_for_selector("#trials-count:not(:empty)", state="attached")
    return page, noise


def asked(request: str, url: str) -> bool:
    """Whether a request is for anything but the page and what it brings along."""
    return not request.startswith((url, "data:", "blob:"))


def seen(page: Any, *charts: str) -> None:
    """Bring these charts, or every one, near the view once, and wait until they are drawn."""
    for name in charts or page.evaluate(f"{CHARTS_SHOWN}.map((chart) => chart.id)"):
        page.evaluate("(id) => document.getElementById(id).scrollIntoView()", name)
        page.wait_for_function("(id) => document.querySelector(`#${id} svg.main-svg`)", arg=name)


def undrawn(page: Any) -> list[str]:
    return page.evaluate(
        f"{CHARTS_SHOWN}.filter((one) => !one.querySelector('svg.main-svg')).map((one) => one.id)"
    )


def test_everything_is_drawn_and_nothing_asked_for(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep)
    assert undrawn(page), "charts far from the view wait"
    seen(page)
    assert undrawn(page) == []
    broken = "[...document.images].filter((image) => !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    lost = "[...document.querySelectorAll('canvas')]"
    lost += ".some((one) => one.getContext('webgl')?.isContextLost())"
    assert not page.evaluate(lost)
    for select in page.locator("select[data-select]").all():
        select.select_option(index=1)
    seen(page)
    assert undrawn(page) == []
    assert noise == []


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
        seen(page, "chart-dimensions-0")
        tick = "getComputedStyle(document.querySelector('.xtick text')).fill"
        colors[scheme] = (
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
            page.evaluate(tick),
        )
        assert noise == []
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert page.evaluate(tick) == colors["light"][1]
    assert colors["light"][0] != colors["dark"][0] and colors["light"][1] != colors["dark"][1]


WIDE = [pytest.param(width, marks=pytest.mark.slow) for width in (768, 1280)]


@pytest.mark.parametrize("width", [390, *WIDE])
def test_no_width_overflows(browser: Any, sweep: Path, width: int) -> None:
    page, noise = opened(browser, sweep, viewport={"width": width, "height": 800})
    seen(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert noise == []


def test_hostile_text_runs_nothing(browser: Any, hostile: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render(hostile), encoding="utf-8")
    page = browser.new_page()
    noise: list[str] = []
    page.on("dialog", lambda dialog: (noise.append("dialog"), dialog.dismiss()))
    page.on("console", lambda message: noise.append(message.text))
    page.goto(path.as_uri())
    seen(page)
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
    page.click(".command button.copy >> nth=1")
    page.wait_for_selector("button.copy:has-text('Copied')")
    context.close()


def brushed(page: Any, chart: str, part: float = 0.5) -> None:
    """Drag a box over the left part of a chart's plot."""
    plot = page.locator(f"#{chart} .nsewdrag").first
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] - 1, steps=4)
    page.mouse.up()
    page.wait_for_selector("#selection:not([hidden])")


def test_a_brush_filters_table_and_pictures_and_other_charts(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep)
    seen(page, "chart-dimensions-0", "chart-pareto-0")
    columns = "#gallery thead th:not([hidden])"
    before = page.locator(columns).count()
    brushed(page, "chart-dimensions-0")
    count = int(page.inner_text("#selection-text").split()[0])
    assert 0 < count < 13
    assert page.inner_text("#trials-count") == f"{count} of 13 trials"
    listed = page.locator("#trials-table tbody a").all_inner_texts()
    shown = {text.split()[1] for text in page.locator(columns).all_inner_texts()[2:]}
    assert len(listed) == count and shown and shown <= set(listed)
    page.locator("#chart-pareto-0").scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    faded = "[...document.querySelectorAll('#chart-pareto-0 .point')]"
    faded += ".filter((point) => Number(getComputedStyle(point).fillOpacity) < .5).length"
    assert page.evaluate(faded) == 12 - len([t for t in listed if t != "t00012"])
    page.click("#selection-clear")
    assert page.inner_text("#trials-count") == "13 trials"
    assert page.locator(columns).count() == before
    page.wait_for_timeout(300)
    assert page.evaluate(faded) == 0
    assert noise == []


def test_a_box_over_an_axis_selects_the_lines_through_it(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep)
    seen(page, "chart-parallel-0")
    plot = page.locator("#chart-parallel-0 .nsewdrag").first
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = plot.bounding_box()
    low, high = page.evaluate("document.getElementById('chart-parallel-0').layout.xaxis.range")
    across = [box["x"] + box["width"] * (at - low) / (high - low) for at in (-0.2, 0.2)]
    page.mouse.move(across[0], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(across[1], box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    page.wait_for_selector("#selection:not([hidden])")
    page.wait_for_timeout(300)
    names = page.locator("#trials-table thead th").all_inner_texts()
    rates = page.locator(
        f"#trials-table tbody td:nth-child({names.index('optimizer.generator_lr') + 1})"
    ).all_inner_texts()
    assert 0 < len(rates) < 13
    assert max(map(float, rates)) <= 1.01 * (1e-5 * 2e-3) ** 0.5  # the lower half of a log axis
    assert noise == []


def test_a_trial_opens_at_its_address(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep, "#trial=t00003")
    assert page.inner_text("#trial-title") == "Trial t00003"
    assert page.locator("#trial-body .chart svg.main-svg").count() >= 3
    assert page.locator("#trial-body .pair img").count() == 4
    settings = page.locator("#trial-body table tbody th").all_inner_texts()
    assert settings == ["optimizer.generator_lr", "loss.adversarial", "loss.l1_weight"]
    page.click("#trial-next")  # a new address: what it shows comes with the next event
    page.wait_for_selector("#trial-title:not(:text-is('Trial t00003'))")
    page.keyboard.press("Escape")
    page.wait_for_selector("#trial-view:not([open])", state="attached")
    assert "#" not in page.url
    page.click("#trials-table a:has-text('t00012')")
    page.wait_for_selector("#trial-title:text-is('Trial t00012')")
    assert page.inner_text("#trial-state") == "diverged"
    assert "diverged on h: =NaN at step 12" in page.inner_text("#trial-body pre")
    assert noise == []


def test_a_click_on_a_point_opens_its_trial(browser: Any, sweep: Path) -> None:
    page, _ = opened(browser, sweep)
    seen(page, "chart-dimensions-0")
    point = page.locator("#chart-dimensions-0 .point").first
    point.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = point.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#trial-view[open]")
    assert page.inner_text("#trial-title").startswith("Trial t000")


def test_tiles_show_where_a_trial_errs(browser: Any, sweep: Path) -> None:
    page, noise = opened(browser, sweep)
    tile = "#gallery td[data-kind=trial]:not([hidden]) img"
    plain = page.get_attribute(tile, "src")
    page.select_option("#tile-view", "error")
    page.wait_for_function(
        "(tile) => document.querySelector(tile).src.startsWith('data:image/png')", arg=tile
    )
    assert page.inner_text("#tile-scale").strip().startswith("0")
    page.select_option("#tile-view", "picture")
    page.wait_for_function(
        "([tile, plain]) => document.querySelector(tile).src === plain", arg=[tile, plain]
    )
    page.click("#gallery td[data-kind=trial]:not([hidden]) .tile >> nth=0")
    page.wait_for_selector("#enlarged[open] figure:nth-of-type(4) img")
    assert page.inner_text("#enlarged-title") == "picture 0"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('enlarged-title').innerText === 'picture 1'")
    assert noise == []


def test_columns_are_picked(browser: Any, sweep: Path) -> None:
    page, _ = opened(browser, sweep)
    page.click(".columns summary")
    box = page.locator("[data-pick]:not(:checked)").first
    number = box.get_attribute("data-pick")
    box.check()
    assert page.locator(f"#gallery thead th[data-number='{number}']").is_visible()


def test_color_differences_are_those_of_the_paper(browser: Any, sweep: Path) -> None:
    """Pairs of Sharma, Wu and Dalal (2005), table 1, and Lab as scikit-image has it."""
    page, _ = opened(browser, sweep)
    pairs = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
        ([50.0, -0.001, 2.49], [50.0, 0.0009, -2.49], 4.8045),
        ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373),
        ([90.8027, -2.0831, 1.441], [91.1528, -1.6435, 0.0447], 1.4441),
        ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
    ]
    for one, other, wanted in pairs:
        found = page.evaluate("([a, b]) => colorsweep.ciede2000(a, b)", [one, other])
        assert found == pytest.approx(wanted, abs=1e-4)
    color = pytest.importorskip("skimage.color")
    bytes_ = np.random.default_rng(0).integers(0, 256, (50, 3))
    found = page.evaluate("(all) => all.map((rgb) => colorsweep.labOf(...rgb))", bytes_.tolist())
    wanted = color.rgb2lab(bytes_[None].astype(np.uint8))[0]
    np.testing.assert_allclose(found, wanted, atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hinders_a_reader(browser: Any, sweep: Path, scheme: str) -> None:
    """axe-core finds no serious or critical violation, on the page and in its dialogs."""
    axe = pytest.importorskip("axe_playwright_python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(sweep.as_uri())
    seen(page)
    page.evaluate("scrollTo(0, 0)")
    page.add_script_tag(content=script)
    for place in ("", "#trial=t00003"):
        page.evaluate("(place) => { location.hash = place; }", place)
        page.wait_for_timeout(500)
        found = page.evaluate("axe.run()")["violations"]
        grave = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert grave == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_several_sweeps_on_one_page(browser: Any, build, tmp_path: Path, scheme: str) -> None:
    """Drawn, nothing asked for, within a phone's width, and nothing that hinders a reader."""
    axe = pytest.importorskip("axe_playwright_python")
    folders = []
    for name, shift in (("one", 0.0), ("two", 0.4)):
        builder = build(name=name)
        for index in range(8):
            point = {"optimizer.generator_lr": 1e-4 * (index + 1), "loss.adversarial": "bce"}
            builder.trial(point, 9.0 + shift + index % 3, pictures=2)
        builder.tables()
        folders.append(str(builder.folder))
    path = Path(report(*folders, out=tmp_path / "both.html").data()["report"])
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda r: noise.append(r.url) if asked(r.url, path.as_uri()) else None)
    page.goto(path.as_uri())
    page.wait_for_selector("#best-so-far svg.main-svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert noise == []
    page.add_script_tag(
        content=(Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    )
    found = page.evaluate("axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    context.close()
