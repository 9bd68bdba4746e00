"""`survey check --fix`: what it mends, what it leaves alone, and that nothing people wrote is lost."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey_tools.cli import main
from survey_tools.errors import KnowledgeError
from survey_tools.knowledge import yaml_source
from survey_tools.knowledge.kinds import CIRCUIT, MODEL, PAPER, kind_of
from survey_tools.knowledge.repair import repair, repaired
from survey_tools.knowledge.yaml_source import Source, parse

PATH = "papers/wang-2022-ioi.yml"
LINE = PAPER.first_line
REPOSITORY = Path(__file__).resolve().parents[2]


def fixed(body: str, kind=PAPER, done: str | None = None) -> str:
    """`body` below a right first line, repaired; the first line is left out again."""
    text, said = repaired(f"{kind.first_line}\n{body}", kind)
    if done is not None:
        assert said == [done]
    assert repaired(text, kind) == (text, [])
    assert text.startswith(f"{kind.first_line}\n")
    return text.removeprefix(f"{kind.first_line}\n")


def data(text: str):
    source = Source("", text)
    parse(source)
    return source.data


# ---------------------------------------------------------------- quotes


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        ("ids: {arxiv: 2211.00593}\n", 'ids: {arxiv: "2211.00593"}\n'),
        ("ids:\n  arxiv: 2310.04620 # trailing zero\n", 'ids:\n  arxiv: "2310.04620" # trailing zero\n'),
        ("published: 2022\n", 'published: "2022"\n'),
        ("published: 2022-11-01\n", 'published: "2022-11-01"\n'),
        ("authors: [Kevin, no, 5]\n", 'authors: [Kevin, "no", "5"]\n'),
        ("authors:\n- Kévin\n-   On\n", 'authors:\n- Kévin\n-   "On"\n'),
        ("title: true\n", 'title: "true"\n'),
        ("summary: {result: 1e999, method: .nan}\n", 'summary: {result: "1e999", method: ".nan"}\n'),
        ("reproduction:\n  not_reproducible: yes\n", 'reproduction:\n  not_reproducible: "yes"\n'),
        ("reproduction: {parameters: {5: 1, no: 2}}\n", 'reproduction: {parameters: {"5": 1, "no": 2}}\n'),
        ("claims:\n  - {metric: off, value: 3.5}\n", 'claims:\n  - {metric: "off", value: 3.5}\n'),
    ],
)
def test_what_must_be_text_is_quoted_where_it_stands(body, mended):
    assert fixed(body) == mended


def test_digits_are_kept_as_they_were_written():
    text = fixed("source: {kind: package, wheels: [{name: w, version: 1.10, sha256: 00}]}\n", MODEL)
    assert text == 'source: {kind: package, wheels: [{name: w, version: "1.10", sha256: "00"}]}\n'


@pytest.mark.parametrize(
    "body",
    [
        "venue: null\nstages: null\n",  # nothing may be meant
        "title:\n",
        "heads: [{layer: 9, score: 0.5}]\n",
        "claims: [{value: 3.5, tolerance: 1e-3}]\n",  # a number or text
        "reproduction: {notebook: n, parameters: {length: 50, shuffle: no}}\n",  # a truth value or text
        "heads: [{layer: no}]\n",
        'schema_version: "1"\n',
        "venu: 2022\n",  # who knows what must stand there
    ],
)
def test_what_may_be_meant_is_not_quoted(body):
    assert fixed(body) == body


def test_what_was_quoted_is_named(tree):
    tree.replace(PATH, '"2211.00593"', "2211.00593")
    tree.replace(PATH, "[Kevin Wang, Alexandre Variengien]", "[Kevin Wang, Yes]")
    (done,) = repair(tree.root, [PATH])
    assert "quoted authors[1], ids.arxiv" in done.done
    assert str(done).startswith(f"{PATH}: quoted authors[1], ids.arxiv; ")
    assert tree.check() == []


# ---------------------------------------------------------------- lines and bytes


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        (f"\ufeff{LINE}\ntitle: T\n", f"{LINE}\ntitle: T\n", "removed the byte order mark"),
        (f"{LINE}\r\ntitle: T\r\n", f"{LINE}\ntitle: T\n", "made line ends plain"),
        (f"{LINE}\ntitle: T", f"{LINE}\ntitle: T\n", "ended the last line"),
        (
            f"{LINE}\ntitle: T  \nvenue: V\n",
            f"{LINE}\ntitle: T\nvenue: V\n",
            "removed white space at the ends of lines",
        ),
        (f"{LINE}\ntitle: T\n\n\n\nvenue: V\n\n", f"{LINE}\ntitle: T\n\nvenue: V\n", "removed doubled blank lines"),
        ("title: T\n", f"{LINE}\ntitle: T\n", "wrote the $schema line"),
        (f"# by hand\n{LINE}\ntitle: T\n", f"{LINE}\n# by hand\ntitle: T\n", "wrote the $schema line"),
        (f"{CIRCUIT.first_line}\n---\ntitle: T\n", f"{LINE}\n---\ntitle: T\n", "wrote the $schema line"),
        (f"{LINE} \ntitle: T\n", f"{LINE}\ntitle: T\n", "removed white space at the ends of lines"),
        (f"{LINE}\ntitle:\tT\t# a\tb\n", f"{LINE}\ntitle: T # a b\n", "replaced tabs by spaces"),
        (f"{LINE}\nids:\n\tdoi: x\n", f"{LINE}\nids:\n  doi: x\n", "replaced tabs by spaces"),
    ],
)
def test_lines(before, after, done):
    assert repaired(before, PAPER) == (after, [done])
    assert repaired(after, PAPER) == (after, [])


@pytest.mark.parametrize(
    "body",
    [
        "title: a\tb\n",  # a tab in a value is the writer's
        'title: "a\tb"\n',
        "ids:\n\tdoi: x\n    acl: y\n",  # as wide as four spaces, or an error: who knows
        "title: |\n  code:\n  \tindented\n",
    ],
)
def test_tabs_that_mean_something_are_left(body):
    assert fixed(body) == body


@pytest.mark.parametrize(
    "body",
    [
        "title: |\n  two spaces at the end  \n\n\n  and two blank lines\n",
        "title: >-\n  folded  \n  text\n\n\n  goes on\n",
        "title: |+\n  kept blank lines\n\n\n",
        'title: "quoted\n\n\n  on three lines"\n',
        "title: plain\n\n\n  on three lines\n",
    ],
)
def test_space_inside_text_is_part_of_it(body):
    assert fixed(body) == body


def test_blank_lines_behind_block_text_are_none_of_it():
    assert fixed("title: >-\n  folded\n  text\n\n\n\nvenue: V\n") == "title: >-\n  folded\n  text\n\nvenue: V\n"


def test_a_last_line_without_an_end_is_mended_at_once():
    before = "title: >-\n  folded\n  text\nvenue: V "
    assert fixed(before) == "title: >-\n  folded\n  text\nvenue: V\n"


def test_a_tab_before_a_value_that_is_not_there():
    assert fixed("title: T\t# tab\n? venue") == "title: T # tab\n? venue\n"


def test_trailing_space_in_folded_quotes_goes():
    assert fixed("title: 'a  \n  b'\n") == "title: 'a\n  b'\n"


# ---------------------------------------------------------------- order


def test_fields_are_put_in_order_with_their_comments():
    body = """\
# Entered by hand in 2024.

title: T
# Which of the two dates?
# The first.
published: "2022"  # arXiv
id: a

# The number, not the address.
ids:
  # of the first version
  arxiv: "2211.00593"
schema_version: 1
authors: [A]
# The end.
"""
    assert (
        fixed(body, done="put the fields in order")
        == """\
# Entered by hand in 2024.

schema_version: 1
id: a
title: T
authors: [A]
# Which of the two dates?
# The first.
published: "2022"  # arXiv

# The number, not the address.
ids:
  # of the first version
  arxiv: "2211.00593"
# The end.
"""
    )


def test_an_unknown_field_stays_behind_its_neighbour():
    assert fixed("title: T\nsubtitle: S\nid: a\n") == "id: a\ntitle: T\nsubtitle: S\n"


@pytest.mark.parametrize(
    "body",
    [
        "{title: T, id: a}\n",  # on one line there is nothing to move
        "title: T\nid: a\nid: b\nschema_version: {\n",
        " title: T\n id: a\n",
    ],
)
def test_what_is_not_moved(body):
    assert fixed(body) == body


def test_block_text_moves_whole():
    body = "title: |\n  # no comment\n\n  text\n\nid: a\n"
    assert fixed(body) == "id: a\n\ntitle: |\n  # no comment\n\n  text\n"


# ---------------------------------------------------------------- files


def test_a_fixed_tree_has_no_problem_and_is_left_alone_the_next_time(tree):
    repair(tree.root)  # the fixture's own order
    before = tree.state()
    assert repair(tree.root) == []
    assert tree.state() == before

    good = tree.text(PATH)
    mess = good.replace("\n", "  \r\n").replace('"2211.00593"', "2211.00593").split("\n", 1)[1]
    tree.write(PATH, b"\xef\xbb\xbf" + mess.encode() + b"\r\n\r\n")
    (done,) = repair(tree.root)
    assert done.done == (
        "removed the byte order mark",
        "made line ends plain",
        "quoted ids.arxiv",
        "removed white space at the ends of lines",
        "removed doubled blank lines",
        "wrote the $schema line",
    )
    assert tree.text(PATH) == good
    assert tree.check() == []
    assert tree.state().keys() == before.keys()  # no temporary file is left


@pytest.mark.parametrize(
    "broken",
    [
        b"title: a: b  \r\n",
        b"\xef\xbb\xbftitle: &a [*a]  \n",
        "title: T  \n".encode("utf-16"),
        b"title: K\xe9vin  \n",
        b"- a  \n- b\n",
        b"",
        b"# only comments  \n",
        b"title: T\n---\ntitle: [\n",
        "# by hand\x85# next line  \nids: {arxiv: 2211.00593}\n".encode(),  # a line end to YAML, to no editor
        "# by hand\u2028# next line\nids: {arxiv:\t2211.00593}".encode(),
        b"\xef\xbb\xbftitle: zero\xe2\x80\x8bwidth  \n",
    ],
)
def test_what_cannot_be_read_stays_byte_for_byte(tree, broken):
    tree.write(PATH, broken)
    before = tree.state()[PATH]
    repair(tree.root, [PATH])
    assert tree.state()[PATH] == before
    assert any(problem.path == PATH for problem in tree.check())


@pytest.mark.parametrize(
    "body",
    [
        "ids: text\nids: {arxiv: 2211.00593}\n",
        "ids: [1]\nids: {arxiv: 2211.00593}\n",
        "authors: {a: 1}\nauthors: [2211.00593]\n",
        'authors: ["1"]\nauthors: ["2", 3]\n',
        "summary: {result: all right, result: 5}\n",
    ],
)
def test_of_a_field_written_twice_nothing_is_quoted_in_the_second(body):
    assert fixed(body) == body


def test_many_repairs_are_counted_rather_than_listed():
    text, done = repaired(f"{LINE}\nauthors: [1, 2, 3, 4, 5, 6, 7]\n", PAPER)
    assert text.endswith('authors: ["1", "2", "3", "4", "5", "6", "7"]\n')
    assert done == ["quoted authors[0], authors[1], authors[2], authors[3], authors[4] and 2 more"]


def test_what_cannot_be_settled_is_still_reported(tree):
    repair(tree.root)
    tree.replace(PATH, "relevance: core", "relevance: cor  ")
    assert repair(tree.root)[0].done == ("removed white space at the ends of lines",)
    assert tree.only().field == "relevance"


def test_only_the_paths_asked_for_are_touched(tree):
    before = tree.state()
    for path in before:
        if path.endswith(".yml"):
            tree.write(path, tree.text(path) + "\n\n")
    assert [done.path for done in repair(tree.root, ["background"])] == [
        f"background/{name}.yml" for name in ("benchmarks", "glossary", "methods", "open-questions")
    ]
    assert tree.text(PATH).endswith("\n\n\n")
    with pytest.raises(KnowledgeError, match="there is no such file"):
        repair(tree.root, ["papers/nothing.yml"])


def test_a_link_stays_a_link_and_the_mode_stays(tree, tmp_path):
    file = tree.root / PATH
    target = tmp_path / "elsewhere.yml"
    target.write_bytes(file.read_bytes() + b"\n\n")
    target.chmod(0o640)
    file.unlink()
    file.symlink_to(target)
    assert [done.path for done in repair(tree.root, ["papers"])][-1] == PATH
    assert file.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert not target.read_bytes().endswith(b"\n\n")


def test_a_write_that_fails_leaves_the_file(tree, monkeypatch):
    tree.write(PATH, tree.text(PATH) + "\n\n")
    before = tree.state()

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(KnowledgeError, match=f"^{PATH} cannot be written: No space left on device; nothing below it"):
        repair(tree.root, [PATH])
    assert tree.state() == before


def test_names_of_files_are_not_mended(tree):
    tree.write("papers/x.yaml", "id: x\n\n\n")
    before = tree.state()["papers/x.yaml"]
    repair(tree.root)
    assert tree.state()["papers/x.yaml"] == before
    assert "rename it to x.yml" in str(tree.only())


def test_the_slow_reader_mends_the_same(tree, monkeypatch):
    text = tree.text(PATH).replace('"2211.00593"', "2211.00593").replace("core\n", "core \n\n\n")
    fast = repaired(text, PAPER)
    assert len(fast[1]) == 4
    monkeypatch.setattr(yaml_source, "Loader", yaml_source.yaml.BaseLoader)
    assert repaired(text, PAPER) == fast


def test_the_entries_of_this_repository_need_no_repair():
    """As `survey check --fix` leaves them, so that its changes are those of the one who runs it."""
    for folder in (
        "papers",
        "head_taxonomy",
        "head_taxonomy/circuits",
        "head_taxonomy/schemes",
        "models",
        "background",
    ):
        for file in (REPOSITORY / folder).glob("*.yml"):
            text = file.read_text(encoding="utf-8")
            assert repaired(text, kind_of(folder, file.stem)) == (text, []), f"run: survey check --fix {folder}"


# ---------------------------------------------------------------- the command


def run(tree, *arguments: str):
    return CliRunner().invoke(main, ["check", *arguments, "--root", str(tree.root)])


def test_the_command_says_what_it_did_and_what_is_left(tree):
    repair(tree.root)
    tree.replace(PATH, '"2211.00593"', "2211.00593")
    done = run(tree, "--fix")
    assert done.output == f"{PATH}: quoted ids.arxiv\nno problems\n"
    assert done.exit_code == 0
    tree.replace(PATH, "relevance: core", "relevance: cor ")
    done = run(tree, "--fix", "--format", "json")
    assert done.exit_code == 1
    assert [problem["field"] for problem in json.loads(done.stdout)["problems"]] == ["relevance"]
    assert done.stderr == f"{PATH}: removed white space at the ends of lines\n"


def test_without_fix_nothing_is_written(tree):
    tree.write(PATH, tree.text(PATH).replace('"2211.00593"', "2211.00593") + "\n\n")
    before = tree.state()
    assert run(tree).exit_code == 1
    assert tree.state() == before


# ---------------------------------------------------------------- whatever is there

MESS = (
    *(
        "\t",
        "  ",
        " \n",
        "\n\n\n",
        "\r\n",
        "\r",
        "# note\n",
        "\n# note\n",
        "no",
        "2211.00593",
        "'",
        '"',
        "|\n  ",
        ">-\n ",
    ),
    *(
        "title: x\n",
        "id: no\n",
        "zzz: 1\n",
        "---\n",
        "...\n",
        "é",
        "\ufeff",
        "? ",
        "- ",
        ": ",
        "{",
        "]",
        "&a ",
        "*a",
        "!!t ",
    ),
)


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.data())
def test_a_repair_never_changes_what_is_read_and_is_done_once(tree, draw):
    paths = sorted(path for path in tree.state() if path.endswith(".yml"))
    path = draw.draw(st.sampled_from(paths))
    folder, name = path.rsplit("/", 1)
    kind = kind_of(folder, name.removesuffix(".yml"))
    text = tree.text(path)
    for _ in range(draw.draw(st.integers(1, 4))):
        start, cut = draw.draw(st.integers(0, len(text))), draw.draw(st.integers(0, 10))
        text = text[:start] + draw.draw(st.sampled_from(MESS)) + text[start + cut :]
    mended, done = repaired(text, kind)
    assert (mended == text) == (not done)
    assert repaired(mended, kind) == (mended, [])
    before, after = data(text), data(mended)
    if before is None:
        assert mended == text or after is not None
        return
    for one, other in zip(leaves(before, sort=True), leaves(after, sort=True), strict=True):
        assert isinstance(other, str) or (type(one) is type(other) and one == other), (one, other)
    assert comments(text) == comments(mended)


def comments(text: str) -> list[str]:
    """Lines that are comments wherever they stand; the one that names the schema is the repair's."""
    lines = (" ".join(line.split()) for line in text.replace("\ufeff", "").splitlines())
    return sorted(line for line in lines if line.startswith("#") and "yaml-language-server" not in line)


def leaves(node, sort: bool = False):
    """Scalars below a node, mappings in the order of their keys if `sort`."""
    if isinstance(node, dict):
        for key in sorted(node) if sort else node:
            yield from leaves(node[key], sort)
    elif isinstance(node, list):
        for item in node:
            yield from leaves(item, sort)
    else:
        yield node
