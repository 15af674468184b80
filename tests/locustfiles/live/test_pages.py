"""The page as a user sees it: first screen, start, Breaker tab, stop, report."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.brief import brief_lab
from tests.locustfiles.live.conftest import Watched, Web
from tripcurve.documents import write_yaml

RUN_MS = 60_000
BRIEF = """
name: brief
users: {ChatUser: 10, ProbeUser: 1}
phases:
  - {name: healthy, for: 1, rate: 40}
  - {name: fault, for: 2.2, rate: 40, simulate: {default: {status: 429}}}
  - {name: healed, for: 1.8, rate: 40}
"""
"""Two trips of a lab whose breaker opens for a second."""
Open = Callable[..., Watched]


def begin(page: Any) -> None:
    page.get_by_role("button", name="Start").click()
    page.get_by_role("tab", name="Breaker").click(timeout=RUN_MS)


def wait_for_report(page: Any) -> None:
    page.locator("tripcurve-breaker a.report").wait_for(timeout=RUN_MS)


def board(web: Web) -> dict[str, Any]:
    with urllib.request.urlopen(f"{web.url}tripcurve/breaker.json", timeout=10) as answer:  # noqa: S310  # our own page
        content: dict[str, Any] = json.load(answer)
    return content


def summary(web: Web) -> dict[str, Any]:
    [path] = web.folder.glob("runs/*/summary.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def check_run(web: Web, watched: Watched, arrivals: int) -> None:
    """What the tab shows at the end is what the report says, and nothing came from elsewhere."""
    page, made = watched.page, summary(web)
    assert page.locator("tripcurve-breaker tbody tr").count() == len(made["trips"]) > 1
    legend = page.locator("tripcurve-breaker .legend").inner_text()
    assert f"2xx {made['requests']['by_status']['200']}" in legend
    assert f"429 backend {made['throttles']}" in legend
    assert f"shed by the gateway {made['sheds']}" in legend
    assert f"{len(made['trips'])} trips" in page.locator("tripcurve-breaker .breaker").inner_text()
    assert f"Load: {arrivals} of {arrivals} arrivals sent" in page.locator("tripcurve-breaker .load").inner_text()
    assert made["stimulus"]["as_configured"] is True
    assert (watched.outside, watched.errors) == ([], [])


def test_a_run_from_first_screen_to_report(web: Web, open_page: Open) -> None:
    web.start()
    watched = open_page(web.url)
    page = watched.page
    for label, choice in (("Lab (", "quick"), ("Scenario (", "short.yaml"), ("Target (", "local")):
        field = page.get_by_label(label)
        assert field.is_visible()
        assert field.input_value() == choice
    assert {"pool", "quick", "seed"} <= set(page.get_by_label("Lab (").locator("option").all_inner_texts())
    assert status(web, "report.html") == 404  # there is no run yet
    begin(page)
    page.get_by_text("Running: fault").wait_for(timeout=RUN_MS)
    page.locator("tripcurve-breaker .breaker.open").wait_for(timeout=RUN_MS)
    wait_for_report(page)
    check_run(web, watched, 440)
    with page.expect_popup() as popup:
        page.locator("tripcurve-breaker a.report").click()
    assert popup.value.title() == "quick · short · Tripcurve"
    check_report_route(web)


def check_report_route(web: Web) -> None:
    """It serves the report, and no file outside the run's folder."""
    (web.folder / "outside.txt").write_text("not for you")
    assert status(web, "report.html") == 200
    for name in (
        "../../outside.txt",
        "..%2f..%2foutside.txt",
        "%2e%2e/%2e%2e/outside.txt",
        "%2fetc/passwd",
    ):
        assert status(web, name) in (308, 404), name  # 308: two slashes in a row made one, which is no file either


def status(web: Web, name: str) -> int:
    """Of the report route, with the name exactly as it is: a browser would tidy it up first."""
    connection = http.client.HTTPConnection(web.host, web.port, timeout=10)
    connection.request("GET", f"/tripcurve/report/{name}")
    code = connection.getresponse().status
    connection.close()
    return code


def test_a_master_shows_what_its_workers_see(web: Web, open_page: Open) -> None:
    (web.folder / "brief.yaml").write_text(write_yaml(brief_lab()), "utf-8")
    (web.folder / "short.yaml").write_text(BRIEF, "utf-8")
    web.start_distributed(2, "--lab", "brief.yaml")
    watched = open_page(web.url)
    page = watched.page
    page.get_by_role("button", name="Start").wait_for()
    page.wait_for_function("document.querySelector('button[type=submit]').disabled === false", timeout=RUN_MS)
    begin(page)
    wait_for_report(page)
    check_run(web, watched, 200)


def test_the_page_says_why_a_run_cannot_start(web: Web, open_page: Open) -> None:
    web.start("--target", "azure")
    page = open_page(web.url).page
    begin(page)
    alert = page.locator("tripcurve-breaker .alert")
    alert.wait_for(timeout=RUN_MS)
    assert "lab quick is not up on Azure" in alert.inner_text()
    assert board(web)["state"] == "failed"


def test_the_tab_follows_the_pages_colours_and_a_stopped_run_is_reported(web: Web, open_page: Open) -> None:
    web.start()
    light = open_page(web.url, color_scheme="light").page
    begin(light)
    dark = open_page(web.url, color_scheme="dark").page  # Locust's page learns only as it opens that a run began
    dark.get_by_role("tab", name="Breaker").click(timeout=RUN_MS)
    for page, is_dark in ((light, False), (dark, True)):
        tab = page.locator("tripcurve-breaker")
        tab.wait_for()
        assert (tab.get_attribute("dark") is not None) is is_dark
        page.locator("header button:has(svg)").last.click()
        page.wait_for_function(
            f"document.querySelector('tripcurve-breaker').hasAttribute('dark') === {str(not is_dark).lower()}"
        )
    light.get_by_text("Running: fault").wait_for(timeout=RUN_MS)
    light.get_by_role("button", name="Stop").click()
    wait_for_report(light)


def test_the_tab_sets_names_as_text(web: Web, open_page: Open) -> None:
    """A path is the one name that may hold HTML."""
    web.start("--lab", "<img src=x onerror=\"document.title='owned'\">")
    watched = open_page(web.url)
    begin(watched.page)
    alert = watched.page.locator("tripcurve-breaker .alert")
    alert.wait_for(timeout=RUN_MS)
    assert "<img src=x" in alert.inner_text()
    assert watched.page.locator("img[src=x]").count() == 0
    assert watched.page.title() != "owned"
