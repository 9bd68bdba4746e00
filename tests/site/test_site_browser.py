"""What only a browser can tell: search, the dark scheme, narrow screens, and that nothing is fetched elsewhere."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from survey_tools.site.build import SiteReport

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
PAGES = [
    "", "heads/", "heads/induction/", "heads/nasty/", "papers/", "papers/olsson-2022-induction-heads/",
    "papers/nasty-2025/", "models/tiny/", "circuits/repeat/", "tasks/", "tasks/copying/", "emergence/",
    "background/methods/", "background/benchmarks/", "background/naming/", "background/glossary/",
    "background/open-questions/", "background/wanted/", "notebooks/tiny/repeated-tokens/", "about/",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs the system's Chromium"),
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
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
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
        ("zero ablation", "Methods"),
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


def shown(visit: Visit) -> list[str]:
    """Titles of the rows that a list shows."""
    return visit.page.locator("ol.browse > li:visible > a").all_inner_texts()  # type: ignore[no-any-return]


def test_a_list_is_narrowed_and_its_address_keeps_the_choice(visit: Visit) -> None:
    visit.page.goto(visit.base + "papers/")
    everything = shown(visit)
    assert len(everything) == 3
    visit.page.get_by_label("Find").press_sequentially("OLSSON induction")
    assert shown(visit) == ["In-context Learning and Induction Heads"]
    assert visit.page.locator("output").inner_text() == "1 of 3 papers"
    assert visit.page.locator("h2:visible").all_inner_texts() == ["2022¶"]
    visit.page.get_by_label("Head type").select_option("induction")
    assert visit.page.url.endswith("papers/#q=OLSSON+induction&type=induction")
    visit.page.reload()
    assert shown(visit) == ["In-context Learning and Induction Heads"]
    assert visit.page.get_by_label("Head type").input_value() == "induction"
    visit.page.get_by_role("button", name="Show all").click()
    assert shown(visit) == everything
    assert visit.page.url.endswith("papers/")
    assert visit.errors == []


def test_menus_count_what_the_others_leave(visit: Visit) -> None:
    visit.page.goto(visit.base + "papers/#relevance=tangential")
    assert len(shown(visit)) == 1
    option = visit.page.locator("select[name=type] option[value=induction]")
    assert option.inner_text() == "Induction (0)"
    assert option.is_disabled()
    visit.page.evaluate("location.hash = '#has=claims'")
    visit.page.wait_for_function("document.querySelector('select[name=has]').value == 'claims'")
    assert shown(visit) == ["In-context Learning and Induction Heads"]
    assert option.inner_text() == "Induction (1)"


def test_a_value_that_a_list_does_not_hold_narrows_nothing(visit: Visit) -> None:
    visit.page.goto(visit.base + "heads/#stage=nowhere&detector=planned")
    assert len(shown(visit)) == 1
    assert visit.page.locator("select[name=stage]").input_value() == ""


def test_without_javascript_the_list_is_whole_and_has_no_form(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "papers/")
    assert page.locator("ol.browse > li:visible").count() == 3
    assert page.locator("form.filters").is_hidden()
    context.close()


@pytest.mark.parametrize("visit", [1280, 390], indirect=True)
def test_axe_finds_nothing_in_what_we_wrote(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # Material's own search box and copy buttons lack names; everything else on our pages is ours.
    ours = {"exclude": [[".md-search"], [".md-code__nav"]], "include": [["body"]]}
    found = {}
    for path in PAGES:
        visit.page.goto(visit.base + path)
        problems = axe.run(visit.page, context=ours).response["violations"]
        if problems:
            found[path] = [(one["id"], [node["html"] for node in one["nodes"]][:2]) for one in problems]
    assert found == {}
