"""report.html in a browser: from disk, with the network off, in light, dark and print."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import playwright.sync_api as playwright
import pytest

from reports.commands.index import index_command
from reports.commands.repeats import repeats_command
from tests.reports.conftest import HOSTILE, Reported
from tests.summaries import summary_of, write_summary
from tripcurve.run.repeats import RepeatedRun, Repeats, run_name, write_repeats

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="no chromium on the PATH to open the page in"
)
AXE = str(files("axe_playwright_python") / "axe.min.js")
"""Path of axe-core, the accessibility checker, which is loaded into the page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Opened:
    """A page opened from disk, what it complained of, and what it tried to fetch."""

    def __init__(self, browser: playwright.Browser, reported: Reported | Path, **options: object) -> None:
        self.context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900}, **options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.fetched: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text) if _bad(message) else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.goto((reported if isinstance(reported, Path) else reported.page).as_uri())
        if self.page.locator("#charts").count():
            self.page.wait_for_selector("#charts[data-drawn=yes]", timeout=20_000)


def _bad(message: playwright.ConsoleMessage) -> bool:
    return message.type in ("error", "warning")


@pytest.mark.parametrize("kind", ["good", "tripped", "healthy", "units", "live", "killed", "hostile"])
def test_it_opens_from_disk_without_complaint(
    kind: str, request: pytest.FixtureRequest, browser: playwright.Browser
) -> None:
    opened = Opened(browser, request.getfixturevalue(kind))
    assert opened.problems == []
    assert [url for url in opened.fetched if not url.startswith(("file:", "data:"))] == []
    assert opened.page.locator("#charts svg path").count() > 20
    opened.context.close()


def test_the_first_screen_says_whether_the_rule_is_good(good: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, good)
    box = opened.page.locator("#answer").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900
    opened.context.close()


def test_the_trip_table_fits_the_page(tripped: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, tripped)
    wide, room = opened.page.eval_on_selector(".trips", "t => [t.scrollWidth, t.parentElement.clientWidth]")
    assert wide <= room
    opened.context.close()


def test_moving_along_one_chart_moves_all(good: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, good)
    opened.page.set_viewport_size({"width": 1100, "height": 2400})
    before = opened.page.locator("#charts svg").text_content()
    box = opened.page.locator("#charts svg").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x - 150, y, steps=5)
    opened.page.mouse.up()
    opened.page.wait_for_function(
        "old => document.querySelector('#charts svg').textContent !== old", arg=before, timeout=5000
    )
    ticks = opened.page.eval_on_selector_all(
        "#charts .role-axis-label",
        "axes => axes.map(a => [...a.querySelectorAll('text')].filter(t => t.getAttribute('opacity') !== '0')"
        ".map(t => t.textContent).join())",
    )
    seconds = [labels for labels in ticks if "m1" not in labels]
    assert len({labels for labels in seconds if seconds.count(labels) >= 4}) == 1
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(good: Reported, browser: playwright.Browser, scheme: str) -> None:
    opened = Opened(browser, good, color_scheme=scheme)
    script = "e => getComputedStyle(e).color"
    ink = opened.page.eval_on_selector("#charts", script)
    page = opened.page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor")
    assert abs(_brightness(ink) - _brightness(page)) > 150
    fills = set(
        opened.page.eval_on_selector_all("#charts .role-axis-label text", "ts => ts.map(t => t.getAttribute('fill'))")
    )
    assert fills == {"currentColor"}
    opened.context.close()


def _brightness(colour: str) -> float:
    return sum(int(part) for part in colour.strip("rgb()").split(",")) / 3


def test_hostile_names_are_read_as_text(hostile: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, hostile)
    assert HOSTILE[:40] in opened.page.inner_text("h1")
    assert opened.page.locator("b").count() == 0
    opened.context.close()


def test_every_control_is_reached_by_keyboard(good: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, good)
    reached = set()
    for _ in range(30):
        opened.page.keyboard.press("Tab")
        reached.add(opened.page.evaluate("document.activeElement.tagName"))
    assert {"A", "DIV", "SUMMARY"} <= reached
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["good", "tripped", "healthy", "units"])
def test_the_accessibility_checker_finds_nothing_serious(
    kind: str, scheme: str, request: pytest.FixtureRequest, browser: playwright.Browser
) -> None:
    opened = Opened(browser, request.getfixturevalue(kind), color_scheme=scheme)
    opened.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    opened.page.add_script_tag(path=AXE)
    found = opened.page.evaluate("axe.run()")["violations"]
    assert [(v["id"], v["impact"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []
    opened.context.close()


# The width of A4 less the page's own margins, at 96 dots an inch.
PAPER = {"width": 688, "height": 1017}
WIDER = """paper => [...document.querySelectorAll("body *")]
    .filter(e => !e.closest("svg svg, svg g") && e.getBoundingClientRect().right > paper + 1)
    .map(e => e.tagName + "." + e.className)"""


@pytest.mark.parametrize("kind", ["good", "tripped", "units", "steps"])
def test_nothing_is_wider_than_the_paper(
    kind: str, request: pytest.FixtureRequest, browser: playwright.Browser
) -> None:
    opened = Opened(browser, request.getfixturevalue(kind))
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size(PAPER)
    assert opened.page.evaluate(WIDER, PAPER["width"]) == []
    opened.context.close()


def test_on_paper_there_is_what_a_reader_needs_and_nothing_to_click(
    good: Reported, browser: playwright.Browser
) -> None:
    opened = Opened(browser, good)
    hint, options, data = (opened.page.locator(one) for one in ("figcaption .screen", ".paper", "details"))
    assert (hint.is_visible(), options.is_visible(), data.first.is_visible()) == (True, False, True)
    opened.page.emulate_media(media="print")
    assert (hint.is_visible(), options.is_visible(), data.first.is_visible()) == (False, True, False)
    assert "breaker_window sliding" in options.inner_text()
    opened.context.close()


def test_on_paper_dark_is_light_and_no_cell_covers_another(good: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, good, color_scheme="dark")
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert _brightness(opened.page.eval_on_selector("#charts", "e => getComputedStyle(e).color")) < 60
    sticky = "all => all.filter(e => getComputedStyle(e).position === 'sticky').length"
    assert opened.page.eval_on_selector_all("th, td", sticky) == 0
    opened.context.close()


def test_the_first_page_is_full_of_numbers_and_the_charts_follow_whole(
    good: Reported, browser: playwright.Browser
) -> None:
    """The charts do not fit beneath the answer and the trips, so on paper the tables come before them."""
    opened = Opened(browser, good)
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size(PAPER)
    top = "e => e.getBoundingClientRect().top"
    tops = [opened.page.eval_on_selector(f"#{name}", top) for name in ("verdict", "trips", "conformance", "charts")]
    assert tops == sorted(tops)
    assert opened.page.eval_on_selector("#charts svg", "e => e.getBoundingClientRect().height") < PAPER["height"] * 0.8
    pages = opened.page.pdf(format="A4").count(b"/Type /Page\n")
    assert 2 <= pages <= 4
    opened.context.close()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with an index, one of them with a hostile name, and a folder of repeated runs in it."""
    folder = tmp_path_factory.mktemp("several")
    listed = []
    for number in range(1, 7):
        summary = summary_of(12 + number / 10).model_copy(update={"start_ns": number * 10**18 // 10})
        for path in (folder / f"day-{number}", folder / "repeats" / run_name(number)):
            write_summary(path, summary)
            (path / "report.html").touch()
        listed.append(RepeatedRun(run=run_name(number), seed=number, exit=0))
    write_summary(folder / "<img src=x onerror=alert(1)>", summary_of(9))
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text("{", "utf-8")
    repeats = Repeats(lab="p", scenario="s", target="local", asked=6, end="finished", runs=tuple(listed))
    write_repeats(folder / "repeats", repeats)
    repeats_command(folder / "repeats", [], as_json=True)
    index_command(folder, as_json=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "trend.html", "repeats/report.html"])
def test_pages_over_many_runs_are_accessible_fit_the_paper_and_run_nothing(
    name: str, scheme: str, several: Path, browser: playwright.Browser
) -> None:
    plain = Opened(browser, several / name)
    assert plain.problems == []
    plain.context.close()
    opened = Opened(browser, several / name, color_scheme=scheme, bypass_csp=True)  # for the checker's own script
    assert opened.problems == []
    assert [url for url in opened.fetched if not url.startswith(("file:", "data:"))] == []
    opened.page.add_script_tag(path=AXE)
    found = opened.page.evaluate("axe.run()")["violations"]
    assert [(v["id"], v["impact"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size(PAPER)
    assert opened.page.evaluate(WIDER, PAPER["width"]) == []
    opened.context.close()
