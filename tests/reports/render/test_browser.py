"""report.html in a browser: from disk, with the network off, in light, dark and print."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

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
SCREEN: Any = {"width": 1100, "height": 900}
RESTORE = """() => {
    document.querySelectorAll("details").forEach(one => { one.open = false; });
    document.activeElement.blur();
    window.scrollTo(0, 0);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Opened:
    """A page opened from disk, and until it is drawn: what it complained of, and what it tried to fetch."""

    def __init__(self, browser: playwright.Browser, reported: Reported | Path, **options: Any) -> None:
        self.context = browser.new_context(offline=True, viewport=SCREEN, **options)
        self.page = self.context.new_page()
        problems: list[str] = []
        fetched: list[str] = []
        self.page.on("console", lambda message: problems.append(message.text) if _bad(message) else None)
        self.page.on("pageerror", lambda error: problems.append(str(error)))
        self.page.on("request", lambda request: fetched.append(request.url))
        self.page.goto((reported if isinstance(reported, Path) else reported.page).as_uri())
        if self.page.locator("#charts").count():
            self.page.wait_for_selector("#charts[data-drawn=yes]", timeout=20_000)
        self.problems = list(problems)
        self.fetched_elsewhere = [url for url in fetched if not url.startswith(("file:", "data:"))]

    def restore(self) -> None:
        """Show the page on the screen as when it was opened: light, folded, from its top."""
        self.page.emulate_media(media="screen", color_scheme="light")
        self.page.set_viewport_size(SCREEN)
        self.page.evaluate(RESTORE)


def _bad(message: playwright.ConsoleMessage) -> bool:
    return message.type in ("error", "warning")


Open = Callable[[Reported], Opened]


@pytest.fixture(scope="module")
def opened(browser: playwright.Browser) -> Iterator[Open]:
    """Opens the page of a reported run; the same page again for the same run, restored."""
    pages: dict[Path, Opened] = {}

    def open_page(reported: Reported) -> Opened:
        found = pages.get(reported.page) or Opened(browser, reported)
        pages[reported.page] = found
        found.restore()
        return found

    yield open_page
    for one in pages.values():
        one.context.close()


@pytest.mark.parametrize("kind", ["good", "tripped", "healthy", "units", "live", "killed", "hostile"])
def test_it_opens_from_disk_without_complaint(kind: str, request: pytest.FixtureRequest, opened: Open) -> None:
    one = opened(request.getfixturevalue(kind))
    assert one.problems == []
    assert one.fetched_elsewhere == []
    assert one.page.locator("#charts svg path").count() > 20


def test_the_first_screen_says_whether_the_rule_is_good(good: Reported, opened: Open) -> None:
    box = opened(good).page.locator("#answer").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900


def test_the_trip_table_fits_the_page(tripped: Reported, opened: Open) -> None:
    wide, room = opened(tripped).page.eval_on_selector(".trips", "t => [t.scrollWidth, t.parentElement.clientWidth]")
    assert wide <= room


def test_moving_along_one_chart_moves_all(good: Reported, browser: playwright.Browser) -> None:
    opened = Opened(browser, good)  # a page of its own, for the charts stay where they were moved to
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
    """Opened in this scheme, not changed to it."""
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


def test_hostile_names_are_read_as_text(hostile: Reported, opened: Open) -> None:
    page = opened(hostile).page
    assert HOSTILE[:40] in page.inner_text("h1")
    assert page.locator("b").count() == 0


def test_every_control_is_reached_by_keyboard(good: Reported, opened: Open) -> None:
    page = opened(good).page
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "DIV", "SUMMARY"} <= reached


COLOURS = ["color-contrast", "link-in-text-block"]
"""axe-core's rules about colours, the only ones whose answer depends on the scheme."""
CHECK = """async ([context, options]) => {
    const { violations } = await axe.run(context, { resultTypes: ["violations"], ...options });
    return violations.map(one => [one.id, one.impact, one.nodes.map(node => node.target).slice(0, 3)]);
}"""


def assert_accessible(page: playwright.Page) -> None:
    """Let axe-core check the page in light, and its colours in dark; see `test_text_stands_out` for the charts'."""
    page.add_script_tag(path=AXE)
    assert page.evaluate(CHECK, ["html", {}]) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(CHECK, [{"include": ["html"], "exclude": ["svg"]}, {"runOnly": COLOURS}]) == []


@pytest.mark.parametrize("kind", ["good", "tripped", "healthy", "units"])
def test_the_accessibility_checker_finds_nothing_serious(
    kind: str, request: pytest.FixtureRequest, opened: Open
) -> None:
    page = opened(request.getfixturevalue(kind)).page
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    assert_accessible(page)


# The width of A4 less the page's own margins, at 96 dots an inch.
PAPER: Any = {"width": 688, "height": 1017}
WIDER = """paper => [...document.querySelectorAll("body *")]
    .filter(e => !e.closest("svg svg, svg g") && e.getBoundingClientRect().right > paper + 1)
    .map(e => e.tagName + "." + e.className)"""


@pytest.mark.parametrize("kind", ["good", "tripped", "units", "steps"])
def test_nothing_is_wider_than_the_paper(kind: str, request: pytest.FixtureRequest, opened: Open) -> None:
    page = opened(request.getfixturevalue(kind)).page
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    assert page.evaluate(WIDER, PAPER["width"]) == []


def test_on_paper_there_is_what_a_reader_needs_and_nothing_to_click(good: Reported, opened: Open) -> None:
    page = opened(good).page
    hint, options, data = (page.locator(one) for one in ("figcaption .screen", ".paper", "details"))
    assert (hint.is_visible(), options.is_visible(), data.first.is_visible()) == (True, False, True)
    page.emulate_media(media="print")
    assert (hint.is_visible(), options.is_visible(), data.first.is_visible()) == (False, True, False)
    assert "breaker_window sliding" in options.inner_text()


def test_on_paper_dark_is_light_and_no_cell_covers_another(good: Reported, opened: Open) -> None:
    page = opened(good).page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert _brightness(page.eval_on_selector("#charts", "e => getComputedStyle(e).color")) < 60
    sticky = "all => all.filter(e => getComputedStyle(e).position === 'sticky').length"
    assert page.eval_on_selector_all("th, td", sticky) == 0


def test_the_first_page_is_full_of_numbers_and_the_charts_follow_whole(good: Reported, opened: Open) -> None:
    """The charts do not fit beneath the answer and the trips, so on paper the tables come before them."""
    page = opened(good).page
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    top = "e => e.getBoundingClientRect().top"
    tops = [page.eval_on_selector(f"#{name}", top) for name in ("verdict", "trips", "conformance", "charts")]
    assert tops == sorted(tops)
    assert page.eval_on_selector("#charts svg", "e => e.getBoundingClientRect().height") < PAPER["height"] * 0.8
    pages = page.pdf(format="A4").count(b"/Type /Page\n")
    assert 2 <= pages <= 4


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


@pytest.mark.parametrize("name", ["index.html", "trend.html", "repeats/report.html"])
def test_pages_over_many_runs_are_accessible_fit_the_paper_and_run_nothing(
    name: str, several: Path, browser: playwright.Browser
) -> None:
    plain = Opened(browser, several / name)
    assert (plain.problems, plain.fetched_elsewhere) == ([], [])
    plain.context.close()
    checked = Opened(browser, several / name, bypass_csp=True)  # for the checker's own script
    assert_accessible(checked.page)
    checked.page.emulate_media(media="print")
    checked.page.set_viewport_size(PAPER)
    assert checked.page.evaluate(WIDER, PAPER["width"]) == []
    checked.context.close()
