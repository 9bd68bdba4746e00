"""Long lists that can be narrowed: the form above them, their items, and addresses of a narrowed list.

A list is complete and in order as it stands. `docs/assets/browse.js` shows the form and hides what a reader does not
want; what was chosen goes into the address after `#` (`papers/#type=induction&kind=theory`), so that it can be shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from survey_tools.site.elements import EXCLUDED, inside
from survey_tools.site.escape import text


@dataclass(frozen=True)
class Item:
    """One entry of a list: what is shown (HTML) and, for each filter, the values it answers to."""

    html: str
    values: Mapping[str, tuple[str, ...]]
    also: str = ""
    """Words that the text filter finds beside those shown: further authors, aliases, ids."""


@dataclass(frozen=True)
class Filter:
    """One menu above a list: `labels` holds its values in order, each with the words a reader sees."""

    name: str
    label: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Listing:
    """A list in groups, each under a heading (Markdown, with an optional line below it), and the filters for all."""

    what: tuple[str, str]
    """`paper`, `papers`: what a screen reader counts."""
    filters: tuple[Filter, ...]
    groups: tuple[tuple[str, tuple[Item, ...]], ...]
    placeholder: str = "title, name, id"

    def html(self) -> str:
        """The form, then every group with something in it."""
        items = [item for _, members in self.groups for item in members]
        blocks = [self._form(items)]
        for heading, members in self.groups:
            if members:
                # ol, not ul: the search plugin tells excluded elements apart by tag, and rows hold lists of their own.
                rows = "".join(self._row(item) for item in members)
                blocks += [heading, f'<ol class="browse"{EXCLUDED}>\n{rows}</ol>']
        return "\n\n".join(blocks)

    def _row(self, item: Item) -> str:
        given = "".join(
            f' data-{menu.name}="{text(" ".join(item.values.get(menu.name, ())))}"'
            for menu in self.filters
            if item.values.get(menu.name)
        )
        also = f' data-also="{text(item.also)}"' if item.also else ""
        return f"<li{given}{also}>{item.html}</li>\n"

    def _form(self, items: Sequence[Item]) -> str:
        """Hidden until the script shows it: without one it would do nothing."""
        menus = "".join(_menu(menu, items) for menu in self.filters)
        one, many = self.what
        return (
            f'<form class="filters" hidden data-one="{one}" data-many="{many}" role="search" '
            f'aria-label="Narrow the list of {many}"{EXCLUDED}>\n'
            f'<label class="filters-text">Find <input type="search" name="q" autocomplete="off" spellcheck="false" '
            f'placeholder="{text(self.placeholder)}"></label>\n{menus}'
            f'<p class="filters-state"><output aria-live="polite">{len(items):,} {many}</output> '
            f'<button type="reset" hidden>Show all</button></p>\n</form>'
        )


def narrowed(address: str, label: str, **chosen: str) -> str:
    """A link to a list with something chosen; `label` is HTML. `narrowed("papers/", "theory", kind="theory")`."""
    return inside(f"{address}#{'&amp;'.join(f'{name}={value}' for name, value in chosen.items())}", label)


def _menu(menu: Filter, items: Iterable[Item]) -> str:
    counts = Counter(value for item in items for value in item.values.get(menu.name, ()))
    options = "".join(
        f'<option value="{text(value)}">{text(label)} ({counts[value]})</option>\n'
        for value, label in menu.labels.items()
        if counts[value]
    )
    return (
        f'<label>{text(menu.label)} <select name="{menu.name}"><option value="">any</option>\n{options}'
        "</select></label>\n"
    )
