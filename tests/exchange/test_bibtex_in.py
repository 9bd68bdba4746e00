"""BibTeX in: what LaTeX means, what each field becomes, and every broken place named with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.bibtex_in import BibtexPaper, read_bibtex

FILE = r"""
% an older list
@string{conf = "Conference of Heads"}
@comment{nothing}
@InProceedings{a-1,
  Title     = {{Heads in the {W}ild: {\"u}ber \textbraceleft x\textbraceright{} caf\'e}},
  author    = {Garc{\'i}a-Carrasco, Jorge and {Research and Development} and Petar Veli{\v{c}}kovi{\'c}
               and van der Berg, Jr., Jan},
  booktitle = conf,
  month     = nov, year = 2024,
  doi       = {https://doi.org/10.18653/v1/2024.heads-main.9},
  url       = {https://example.org/a_b%20c~d},
  abstract  = "Costs 50\% of $x^2$ & 7% more",
}
@misc(b, title = "Second")
"""


def only(text):
    [paper] = read_bibtex(text)
    return paper


def test_a_file():
    first, second = read_bibtex(FILE)
    assert first == BibtexPaper(
        key="a-1",
        line=5,
        kind="inproceedings",
        title="Heads in the Wild: über {x} café",
        authors=("Jorge García-Carrasco", "Research and Development", "Petar Veličković", "Jan van der Berg Jr."),
        year="2024",
        month=11,
        venue="Conference of Heads",
        doi="10.18653/v1/2024.heads-main.9",
        url="https://example.org/a_b%20c~d",
        abstract="Costs 50% of $x^2$ & 7% more",
    )
    assert first.published == "2024-11"
    assert (second.key, second.title, second.published) == ("b", "Second", "")


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"Erd\H{o}s, {\L}ukasz, \AA ngstr{\"o}m, {\ss}, \'{\i}", "Erdős, Łukasz, Ångström, ß, í"),
        (r"a --- b -- c ``d'' {''}e{''}", 'a — b – c “d” "e"'),
        (r"\emph{very} \textbf{bold} C\# \_ \$ \{ \}", "very bold C# _ $ { }"),
        (r"\textasciicircum{} \textasciitilde{}", "^ ~"),
        ("two\n   lines", "two lines"),
        (r"$\alpha_1$-heads", r"$\alpha_1$-heads"),
        ("注意力 und Kopf", "注意力 und Kopf"),
        ("cafe\u0301", "café"),
    ],
)
def test_latex_becomes_text(latex, text):
    assert only(f"@misc{{a, title = {{{latex}}}}}").title == text


@pytest.mark.parametrize(
    ("fields", "arxiv"),
    [
        ("eprint = {2312.09230}", "2312.09230"),
        ("eprint = {arXiv:2312.09230v2}, archivePrefix = {arXiv}", "2312.09230"),
        ("eprint = {cs/0112017}, eprinttype = {arxiv}", "cs/0112017"),
        ("eprint = {12345}, archiveprefix = {PubMed}", None),
        ("eprint = {nonsense}", None),
        ("journal = {arXiv preprint arXiv:2312.09230}", "2312.09230"),
        ("url = {https://arxiv.org/abs/2312.09230v4}", "2312.09230"),
        ("note = {arxiv.org/pdf/2312.09230}", "2312.09230"),
        ("url = {https://example.org/2312.09230}", None),
    ],
)
def test_arxiv_ids(fields, arxiv):
    assert only(f"@misc{{a, title = {{T}}, {fields}}}").arxiv == arxiv


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ("year = 2024", "2024"),
        ('year = "2024", month = "November"', "2024-11"),
        ("year = {2024}, month = {2}", "2024-02"),
        ("year = {2024}, month = {13}", "2024"),
        ("year = {2024}, month = {Spring}", "2024"),
        ("date = {2022-09-24}", "2022-09"),
        ("year = {to appear}", ""),
        ("month = may", ""),
    ],
)
def test_dates(fields, published):
    assert only(f"@misc{{a, title = {{T}}, {fields}}}").published == published


@pytest.mark.parametrize(
    ("names", "authors", "cut"),
    [
        ("Li, Bo and others", ("Bo Li",), True),
        ("Bo Li", ("Bo Li",), False),
        ("{OpenAI, Inc.}", ("OpenAI, Inc.",), False),
        ("de la Cruz, Ana   and\n  Li, Bo", ("Ana de la Cruz", "Bo Li"), False),
        ("", (), False),
    ],
)
def test_authors(names, authors, cut):
    paper = only(f"@misc{{a, title = {{T}}, author = {{{names}}}}}")
    assert (paper.authors, paper.authors_cut) == (authors, cut)


def test_every_broken_place_is_named_with_its_line():
    broken = """@misc{good, title = {Good}}
@misc{open, title = {abc,
@misc{same, title = {D}, year = {2020}}
@misc{same, title = {D}, year = {2020}}
@misc{twice, title = {D}, title = {E}}
@misc{bare, title}
@misc{joined, title = "a" # "b"}
@article{untitled, author = {X}}
@article{empty, title = {}}
"""
    with pytest.raises(KnowledgeError) as error:
        read_bibtex(broken, "refs.bib")
    assert str(error.value).splitlines() == [
        "refs.bib cannot be read as BibTeX:",
        "  refs.bib:2: the entry that starts '@misc{open, title = {abc,' is broken; "
        "look for a missing brace, quote, comma or equals sign",
        "  refs.bib:4: the key 'same' stands in line 3 already; keep one of the two",
        "  refs.bib:5: an entry gives title twice; keep one",
        "  refs.bib:6: the entry that starts '@misc{bare, title}' is broken; "
        "look for a missing brace, quote, comma or equals sign",
        "  refs.bib:7: entry 'joined' joins pieces of its title with #; write the whole value in braces",
        "  refs.bib:8: entry 'untitled' has no title",
        "  refs.bib:9: entry 'empty' has no title",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no BibTeX entry; one starts with @article"),
        ("just text", "holds no BibTeX entry"),
        ("@string{a = {b}}", "holds no BibTeX entry"),
        ("@misc{a, title={x}", "cannot be read as BibTeX"),
        ("@misc{a, title={" + "{" * 3000 + "x" + "}" * 3000 + "}}", "entry 'a' nests its braces too deeply"),
        ("@misc{a, title={x}}" + " " * 20_000_000, "is 20 MB large; at most 20 MB are read"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(KnowledgeError) as error:
        read_bibtex(text, "x.bib")
    assert str(error.value).startswith("x.bib")
    assert message in str(error.value)


@given(st.text(alphabet='@{}"\\#%=, \nabmisc', max_size=80))
def test_whatever_comes_is_read_or_refused(text):
    try:
        papers = read_bibtex("@misc{" + text)
    except KnowledgeError:
        return
    assert all(paper.title for paper in papers)


@pytest.mark.parametrize(
    ("written", "month"),
    [('aug # " 8-12"', "08"), ('"2--7~" # jun', "06"), ('aug # " 31 -- " # sep', "08"), ("nov", "11"), ("{11}", "11")],
)
def test_days_may_stand_beside_the_month(written, month):
    (paper,) = read_bibtex(f"@misc{{days, title = {{A}}, year = 2006, month = {written}}}")
    assert paper.published == f"2006-{month}"
