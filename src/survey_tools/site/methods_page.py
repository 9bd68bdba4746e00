"""The survey's tree of experimental methods: what is done, what that shows, who did it, which module of ours does."""

from __future__ import annotations

from survey_tools.knowledge.records import Method, MethodGroup
from survey_tools.site.browse import narrowed
from survey_tools.site.contents import Contents
from survey_tools.site.elements import EXCLUDED, bullets, entry_footer, facts, inside, joined, plural, tag
from survey_tools.site.escape import text
from survey_tools.site.links import METHODS, paper_link
from survey_tools.site.page import Page

DESCRIPTION = "Experimental methods for attention heads, each with its papers and the module that implements it."


def methods_page(contents: Contents) -> Page:
    """The tree as nested sections; methods that only papers list come last, so that every link has an end."""
    tree = contents.survey.methods
    known = {method.id for _, method in tree.walk()} if tree else set()
    beside = [Method(id=one, name=name, operation="–") for one, name in contents.methods.items() if one not in known]
    body = joined(
        [
            "# Methods",
            _lead(contents),
            _outline(contents) if tree else "",
            *(_group(group, 2, contents) for group in (tree.groups if tree else ())),
            "## Not in the tree" if tree and beside else "",
            *(_method(method, 3, contents) for method in beside),
            entry_footer("background/methods.yml", "background/methods.json") if tree else "",
        ]
    )
    return Page("background/methods", "Methods", DESCRIPTION, body, boost=2)


def _lead(contents: Contents) -> str:
    tree = contents.survey.methods
    if tree is None:
        return "How heads are studied. The tree of methods has not been written yet."
    source = inside(f"papers/{tree.source}/", "the survey")
    ours = sum(method.ours for _, method in tree.walk())
    added = f" {plural(ours, 'method')} of it we added, marked {tag('added here', 'suggested')}." if ours else ""
    return (
        f'<p class="lead">{text(tree.name)}: {plural(len(list(tree.walk())), "method")}, in the order of {source}. A '
        f"modeling-free method changes or reads the model as it is; a modeling-required one trains or builds something "
        f"beside it.{added}</p>"
    )


def _outline(contents: Contents) -> str:
    assert contents.survey.methods is not None
    return "\n".join(_branch(group, contents) for group in contents.survey.methods.groups)


def _branch(group: MethodGroup, contents: Contents) -> str:
    """One level of the tree as a nested list."""
    rows = "".join(f"<li>{_branch(below, contents)}</li>\n" for below in group.groups) + "".join(
        f"<li>{inside(f'{METHODS}#{method.id}', text(method.name))} "
        f'<span class="quiet">{plural(_count(method.id, contents), "paper")}</span></li>\n'
        for method in group.methods
    )
    return f"<p><strong>{text(group.name)}</strong></p><ul>\n{rows}</ul>"


def _group(group: MethodGroup, level: int, contents: Contents) -> str:
    return joined(
        [
            f"{'#' * level} {text(group.name)} {{ #group-{group.id} }}",
            text(group.summary),
            *(_method(method, level + 1, contents) for method in group.methods),
            *(_group(below, level + 1, contents) for below in group.groups),
        ]
    )


def _method(method: Method, level: int, contents: Contents) -> str:
    ours = tag("added here", "suggested") if method.ours else ""
    listing = facts(
        [
            ("What is done", text(method.operation)),
            ("What it shows", text(method.shows or "")),
            ("Here", f"<code>{text(method.module)}</code>" if method.module else "no module yet"),
            ("Named for it", _named(method, contents)),
            ("Papers", _all(method, contents)),
        ],
        "facts facts--wide",
    )
    return f"{'#' * min(level, 6)} {text(method.name)} {{ #{method.id} }}\n\n{ours}\n\n{listing}"


def _named(method: Method, contents: Contents) -> str:
    """Papers that the survey names, entries first."""
    return bullets([*(paper_link(one, contents) for one in method.named_for), *map(text, method.also_named_for)])


def _all(method: Method, contents: Contents) -> str:
    """All papers with the method, folded, and the same in the list of papers, where it can be narrowed further."""
    papers = contents.survey.papers_with_method(method.id)
    if not papers:
        return "none of this survey"
    listed = bullets(paper_link(paper.id, contents) for paper in reversed(papers))
    narrow = narrowed("papers/", "the same in the list of papers", method=method.id)
    return f"<details{EXCLUDED}><summary>{plural(len(papers), 'paper')}</summary>\n{listed}\n</details>{narrow}"


def _count(method: str, contents: Contents) -> int:
    return len(contents.survey.papers_with_method(method))
