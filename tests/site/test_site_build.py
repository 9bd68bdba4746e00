from __future__ import annotations

import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from site_samples import NASTY, write_tiny_survey

from survey_tools.errors import SiteError
from survey_tools.site.build import SiteReport, build_site, write_docs

BACKGROUND = ("methods", "benchmarks", "naming", "glossary", "open-questions", "wanted")


class Links(HTMLParser):
    """What a page loads, what it links to, and the ids it offers."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.choices: set[str] = set()
        """What the menus of a narrowed list offer, as `name=value`."""
        self._menu = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "select":
            self._menu = given.get("name") or ""
        elif tag == "option":
            self.choices.add(f"{self._menu}={given.get('value')}")
        self.ids |= {given[key] or "" for key in ("id", "name") if key in given}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif tag == "link" and given.get("rel") in ("canonical", "prev", "next"):
            return
        else:
            self.loads += [given[key] or "" for key in ("src", "href", "srcset", "data", "poster") if given.get(key)]


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_the_tiny_survey_builds_strictly(built: tuple[SiteReport, Path]) -> None:
    report, site = built
    for address in (
        "", "heads/", "heads/induction/", "papers/", "papers/olsson-2022-induction-heads/", "models/",
        "models/other-1.5b/", "circuits/repeat/", "notebooks/tiny/repeated-tokens/", "about/", "notation/",
        "tasks/", "tasks/copying/", "tasks/repeated-tokens/", "emergence/",
        *(f"background/{name}/" for name in BACKGROUND),
    ):  # fmt: skip
        assert (site / address / "index.html").is_file(), address
    for file in (
        "survey.json", "records/tiny/induction.json", "heads/induction.json", "schemas/paper.schema.json",
        "survey.csl.json", "background/methods.json", "capability.json", "records/tiny/tasks/copying.json",
        "records/tiny/series/induction-2.json",
    ):  # fmt: skip
        json.loads((site / file).read_text(encoding="utf-8"))
    assert report.unplaced == ()
    assert report.pages == len(pages(site)) - 1, "all but 404.html"


def test_no_page_loads_anything_from_elsewhere(built: tuple[SiteReport, Path]) -> None:
    _, site = built
    for page in pages(site):
        assert [load for load in Links(page).loads if re.match(r"(https?:)?//", load)] == [], page
    for sheet in sorted(site.rglob("*.css")):
        content = sheet.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", content), sheet


def test_every_internal_link_leads_to_a_page_and_its_fragment(built: tuple[SiteReport, Path]) -> None:
    _, site = built
    parsed = {page: Links(page) for page in pages(site)}
    broken = []
    for page, found in parsed.items():
        here = f"http://site/{page.relative_to(site).as_posix()}"
        for link in found.links:
            target, _, fragment = urljoin(here, link).partition("#")
            if not target.startswith("http://site/") or page.name == "404.html":
                continue
            path = site / unquote(target.removeprefix("http://site/"))
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file() or (fragment and path in parsed and not is_there(fragment, parsed[path])):
                broken.append(f"{page.relative_to(site)} -> {link}")
    assert broken == []


def is_there(fragment: str, page: Links) -> bool:
    """An anchor of the page, or what its list offers: `type=induction&has=run`."""
    return set(fragment.split("&")) <= page.choices if "=" in fragment else fragment in page.ids


def test_a_hostile_title_is_shown_and_does_nothing(built: tuple[SiteReport, Path]) -> None:
    _, site = built
    for page in (site / "heads/nasty/index.html", site / "papers/nasty-2025/index.html"):
        source = page.read_text(encoding="utf-8")
        assert "<script>alert" not in source
        assert "alert(1)</script" not in source, "not within JSON-LD either"
        assert 'href="javascript' not in source
        heading = re.search(r"<h1[^>]*>(.*?)<a class=.headerlink", source, re.DOTALL)
        title = re.search(r"<title>(.*?)</title>", source, re.DOTALL)
        assert heading is not None
        assert title is not None
        assert html.unescape(heading[1]) == NASTY
        assert html.unescape(title[1]).startswith(NASTY)


def test_pages_carry_json_ld_and_lead_to_the_feed(built: tuple[SiteReport, Path]) -> None:
    _, site = built
    for address, kind in (("papers/nasty-2025", "ScholarlyArticle"), ("heads/nasty", "DefinedTerm")):
        source = (site / address / "index.html").read_text(encoding="utf-8")
        (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', source)
        data = json.loads(found)
        assert (data["@type"], data["name"]) == (kind, NASTY)
        assert '<link rel="alternate" type="application/atom+xml"' in source
        assert 'href="../../feed.xml"' in source
    assert (site / "feed.xml").is_file()


def test_the_search_index_holds_words_and_no_measurements(built: tuple[SiteReport, Path]) -> None:
    _, site = built
    docs = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    everything = " ".join(doc["text"] for doc in docs)
    assert "2209.11895" in everything
    assert "10.7 a10.h7" in everything
    assert "threshold 0.28" not in everything, "a chart's text"
    assert "0.0005" not in everything, "a p-value of the table of heads"
    assert "@misc" not in everything, "what to cite is no answer to a question"
    assert "schema.org" not in everything
    lists = [doc["text"] for doc in docs if doc["location"].startswith(("papers/#", "heads/#"))]
    assert not any("Lovelace" in words or "Repeats what followed" in words for words in lists), "the pages say it"


def test_a_second_build_writes_nothing_and_a_removed_entry_leaves_no_page(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    assert write_docs(root, root / "site", []).written > 10
    assert (write_docs(root, root / "site", []).written, (root / "build/docs/papers/nasty-2025.md").is_file()) == (
        0,
        True,
    )
    (root / "papers/nasty-2025.yml").unlink()
    report = write_docs(root, root / "site", [])
    assert (root / "build/docs/papers/nasty-2025.md").exists() is False
    assert report.removed == 2, "the page and its JSON"


def test_later_results_folders_win(tmp_path: Path, tiny_root: Path) -> None:
    from site_samples import record

    root = write_tiny_survey(tmp_path)
    overlay = root / "build/results/tiny"
    overlay.mkdir(parents=True)
    newer = record(model="tiny", verdict="partly", reason="Newer.")
    (overlay / "induction.json").write_text(newer.model_dump_json(), encoding="utf-8")
    write_docs(root, root / "site", [tiny_root / "results", root / "build/results", root / "not-there"])
    assert "Newer." in (root / "build/docs/heads/induction.md").read_text(encoding="utf-8")


def test_a_broken_link_in_a_hand_written_page_fails_with_mkdocs_own_words(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    (root / "docs/about.md").write_text("# About\n\n[gone](nowhere.md)\n", encoding="utf-8")
    with pytest.raises(SiteError, match=r"mkdocs refused the site: .*nowhere\.md"):
        build_site(root, root / "site", [])


def test_without_settings_the_message_says_where_sites_are_built(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    (root / "mkdocs.yml").unlink()
    with pytest.raises(SiteError, match="from a checkout of the survey"):
        build_site(root, root / "site", [])
    shutil.rmtree(root)
