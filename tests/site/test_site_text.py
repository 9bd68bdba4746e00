from __future__ import annotations

import html
import re
from xml.etree import ElementTree

import markdown
import pytest
from site_samples import NASTY

from survey_tools.site.elements import aligned, facts, number, probability, table
from survey_tools.site.escape import code_block, link, text
from survey_tools.site.formula import formula, formulas_in_markdown
from survey_tools.site.page import Page, relative
from survey_tools.site.plain_html import plain_html

EXTENSIONS = ["attr_list", "tables", "admonition", "footnotes", "pymdownx.superfences"]


def seen(source: str) -> str:
    """What a reader sees of Markdown: its text without tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", markdown.markdown(source, extensions=EXTENSIONS))).strip()


@pytest.mark.parametrize(
    "words",
    [
        NASTY, "1. not a list", "12) nor this", "- nor this", "+ x", "# no heading", "> no quote", "a | b\n--- | ---",
        ": x", "{: .class }", "{ #id }", "[^1]: note", "!!! note", "***", "===", "<!-- x -->", "&lt;", "&#42;",
        "A\\*B", "http://x.org", "<http://x.org>", "é ü 漢字 α→β", "``` fence", "x^2^ ~y~", "*[abbr]: no",
    ],
)  # fmt: skip
def test_text_appears_verbatim_in_markdown(words: str) -> None:
    expected = " ".join(words.split())
    assert seen(text(words)) == expected
    assert seen(f"# {text(words)}") == expected
    assert seen(f"<p>{text(words)}</p>") == expected


def test_text_cannot_leave_an_attribute_or_forge_a_link() -> None:
    page = Page("heads/x", "t", "d", f'<p title="{text(chr(34) + " onclick=")}">{text(chr(34) + "@/papers/")}</p>')
    assert '"@/' not in page.markdown()
    assert page.targets == ()
    assert ElementTree.fromstring(page.body).get("title") == '" onclick='


def test_invisible_and_control_signs_are_dropped() -> None:
    assert text("a\x00b\u202ec\u200bd") == "abcd"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "JAVASCRIPT:x"])
def test_only_web_addresses_become_links(address: str) -> None:
    assert link(address, "label") == "label"


def test_web_links_are_escaped() -> None:
    made = link('https://x.org/a"b<c>&d', "label")
    assert made == '<a href="https://x.org/a%22b%3Cc%3E&amp;d" rel="noopener">label</a>'


def test_a_fence_cannot_be_closed_from_inside() -> None:
    inside = "a\n```\n<script>\n````\nb"
    assert code_block(inside, "bibtex") == f"`````bibtex\n{inside}\n`````"
    assert seen(code_block(inside)) == inside


def test_front_matter_holds_any_title() -> None:
    import yaml

    front = yaml.safe_load(Page("index", NASTY, NASTY, "").markdown().split("---")[1])
    assert html.unescape(front["title"]) == NASTY
    assert "<" not in front["title"]


@pytest.mark.parametrize(
    ("here", "there", "link_"),
    [
        ("", "heads/x/", "heads/x/"),
        ("heads/x/", "papers/y/#z", "../../papers/y/#z"),
        ("heads/", "", "../"),
        ("", "", "./"),
        ("heads/x/", "heads/x/#on-tiny", "#on-tiny"),
        ("notebooks/m/n/", "notebooks/m/n.ipynb", "../../../notebooks/m/n.ipynb"),
    ],
)
def test_links_are_relative_to_the_page(here: str, there: str, link_: str) -> None:
    assert relative(here, there) == link_


def test_formula_becomes_mathml_with_whole_words() -> None:
    root = ElementTree.fromstring(formula(r"\frac{1}{N}\operatorname{mean}_{\mathrm{end}} A < 1"))
    tags = [element.tag for element in root.iter()]
    words = [element.text for element in root.iter("mi")]
    assert root.get("display") == "block"
    assert "mfrac" in tags
    assert {"mean", "end", "A"} <= set(words)


def test_words_between_variables_keep_their_distance() -> None:
    assert "<mtext>&#160;describes&#160;</mtext>" in formula(r"[t \text{ describes } r]")
    assert "<mtext>end</mtext>" in formula(r"\text{end}")


def test_arg_max_is_two_words() -> None:
    made = formula(r"\arg\max_{w} x")
    assert "<mi>arg</mi>" in made
    assert "&#92;" not in made


def test_an_unknown_command_is_shown_as_it_was_written() -> None:
    assert formula(r"\nosuchthing x") == "<code>&#92;nosuchthing x</code>"


@pytest.mark.parametrize("latex", [r"\frac{1", r"\bad{", r"\text{<script>alert(1)</script>}", "a & b", r"\href{x}{y}"])
def test_formula_never_breaks_the_page(latex: str) -> None:
    made = formula(latex)
    ElementTree.fromstring(made)
    assert "<script" not in made
    assert "href" not in re.sub(r"<code>.*</code>", "", made)


def test_formulas_in_markdown_spare_code_and_money() -> None:
    made = formulas_in_markdown("It is $x_1$, `$x$`, costs $5 or $6.\n\n```\n$y$\n```\n\n$$z$$")
    assert made.count("<math") == 2
    assert "`$x$`" in made
    assert "$5 or $6" in made
    assert "\n$y$\n" in made


def test_plain_html_keeps_tables_and_drops_what_acts() -> None:
    hostile = (
        "<style>x</style><table onclick='a()'><tr><td style='x'>1 &lt; 2<img src=x onerror=y><br/></td></tr></table>"
        "<script>alert(1)</script><a href='javascript:x'>b</a><svg><script>c</script></svg>"
    )
    assert plain_html(hostile) == "<table><tr><td>1 &#60; 2<br></td></tr></table>b"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.98765, "0.988"), (-0.5, "−0.5"), (None, "–"), (12345.6, "12,346"), (0, "0"), (0.00002, "2 × 10<sup>−5</sup>")],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.7, "0.700"), (-0.05, "−0.050"), (12.04, "12.0"), (None, "–")])
def test_numbers_of_a_column_stand_under_each_other(value: float | None, shown: str) -> None:
    assert aligned(value) == shown


def test_no_p_value_is_zero() -> None:
    assert probability(0.0) == "&lt; 0.0001"


def test_measurements_stay_out_of_the_search_index_and_facts_without_value_out_of_the_page() -> None:
    assert '<table class="data" data-search-exclude>' in table(["a"], [["1"]])
    assert "data-search-exclude" not in table(["a"], [["1"]], searchable=True)
    assert facts([("Empty", "")]) == ""
