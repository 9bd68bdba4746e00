"""What only a browser can tell: search, the dark scheme, narrow screens, and that nothing is fetched elsewhere."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from survey_tools.site.build import SiteReport

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
PAGES = ["", "heads/", "heads/induction/", "heads/nasty/", "papers/olsson-2022-induction-heads/", "models/tiny/",
         "circuits/repeat/", "tasks/", "tasks/copying/", "emergence/", "notebooks/tiny/repeated-tokens/",
         "about/"]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason="needs the system's Chromium at /usr/bin/chromium"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@dataclass
class Visit:
    """A browser on the built site, and everything it complained about or asked of others."""

    page: object
    base: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def address(built: tuple[SiteReport, Path]) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(built[1]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:  # type: ignore[no-untyped-def]
    width = getattr(request, "param", 1280)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    page = context.new_page()
    visit = Visit(page, address)
    page.on("console", lambda message: visit.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("dialog", lambda dialog: (visit.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("response", lambda answer: _check(answer, visit))
    page.on("request", lambda asked: _note(asked.url, visit))
    yield visit
    context.close()


def _check(answer, visit: Visit) -> None:  # type: ignore[no-untyped-def]
    if answer.status >= 400:
        visit.errors.append(f"{answer.status} {answer.url}")


def _note(url: str, visit: Visit) -> None:
    if not url.startswith((visit.base, "data:", "blob:")):
        visit.elsewhere.append(url)


@pytest.mark.parametrize("visit", [1280, 390], indirect=True)
def test_pages_are_quiet_stay_at_home_and_never_scroll_sideways(visit: Visit) -> None:
    for path in PAGES:
        visit.page.goto(visit.base + path)
        width, window = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width <= window, f"{path} is {width} wide in a window of {window}"
    assert visit.errors == []
    assert visit.elsewhere == []


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("induction", "Induction Head"),
        ("2209.11895", "In-context Learning and Induction Heads"),
        ("L10H7", "Induction Head"),
        ("10.7", "Induction Head"),
        ("L9H6", "A Survey"),
        ("L11H10", "A Survey"),
        ("2310.04625", "A Survey"),
        ("copying", "Copying"),
        ("induction bump", "Emergence"),
    ],
)
def test_search_finds(visit: Visit, words: str, first: str) -> None:
    visit.page.goto(visit.base)
    visit.page.locator(".md-search__input").click()
    visit.page.locator(".md-search__input").press_sequentially(words)
    visit.page.locator(".md-search-result__item").first.wait_for()
    titles = visit.page.locator(".md-search-result__item h1").all_inner_texts()
    assert first in titles
    assert visit.errors == []


def test_search_shows_a_hostile_title_as_text(visit: Visit) -> None:
    visit.page.goto(visit.base)
    visit.page.locator(".md-search__input").click()
    visit.page.locator(".md-search__input").press_sequentially("alert")
    visit.page.locator(".md-search-result__item").first.wait_for()
    assert visit.page.locator(".md-search-result script").count() == 0
    assert "<script>" in visit.page.locator(".md-search-result__item h1").first.inner_text()
    assert visit.errors == []


def test_the_dark_scheme_reaches_page_and_charts(visit: Visit) -> None:
    visit.page.goto(visit.base + "heads/induction/")
    colours = "['body', 'figure .survey-chart text'].map(s => getComputedStyle(document.querySelector(s)))"
    read = f"(([body, ink]) => [body.backgroundColor, ink.fill])({colours})"
    light = visit.page.evaluate(read)
    visit.page.locator("label[for=__palette_1]").click()
    visit.page.wait_for_function("document.body.dataset.mdColorScheme == 'slate'")
    dark = visit.page.evaluate(read)
    assert all(before != after for before, after in zip(light, dark, strict=True))
