"""An executed notebook as a page of this site: Markdown in the site's own layout, plus the `.ipynb` itself.

nbconvert's HTML template is never used: it weighs 280 KB a page and reaches for a CDN. HTML outputs keep
tables and text only; scripts and styles of an output never reach the page.
"""

from __future__ import annotations

import html
import posixpath
import re
from dataclasses import dataclass
from xml.etree import ElementTree

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import Preprocessor
from traitlets.config import Config

from survey_tools.errors import SiteError
from survey_tools.site.contents import Contents, ExecutedNotebook
from survey_tools.site.elements import EXCLUDED, inside
from survey_tools.site.escape import text
from survey_tools.site.formula import formulas_in_markdown
from survey_tools.site.page import Page
from survey_tools.site.plain_html import plain_html

_IMAGE = re.compile(r"!\[[^\]]*\]\((?P<file>[^)\s]+)\)")
_ACTIVE = re.compile(r"<(?=[a-zA-Z/!])|\]\(\s*<?\s*(?:javascript|vbscript|data):", re.IGNORECASE)
_TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)
_SVG_ELEMENTS = frozenset(("svg", "g", "path", "text", "tspan", "title", "desc", "line", "rect", "circle"))


@dataclass(frozen=True)
class NotebookPage:
    """The page and the files it needs, by their path in the documentation folder."""

    page: Page
    files: dict[str, bytes]


class _PlainOutputs(Preprocessor):  # type: ignore[misc]  # nbconvert ships no types
    """Drops what could act in a reader's browser, and clock times of streams."""

    def preprocess_cell(self, cell, resources, index):  # type: ignore[no-untyped-def]
        """Clean the outputs of one cell."""
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind in [kind for kind in data if "javascript" in kind or kind.endswith("+json")]:
                del data[kind]
            if "text/html" in data:
                data["text/html"] = _clean_html(data["text/html"])
            if "text/markdown" in data:
                data["text/markdown"] = _plain_markdown(data["text/markdown"])
        return cell, resources


def notebook_page(executed: ExecutedNotebook, contents: Contents) -> NotebookPage:
    """Markdown of an executed notebook; charts of ours become part of the page, other pictures files.

    Raises:
        SiteError: the file is not a notebook that nbformat can read.
    """
    try:
        notebook = nbformat.read(executed.file, as_version=4)
    except Exception as error:  # nbformat raises json, validation and attribute errors alike
        raise SiteError(
            f"{executed.model}/{executed.file.name} is not a readable notebook ({error}); run its entry again"
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _plain_markdown(cell.source)
    folder = f"{executed.name}_files"
    exporter = MarkdownExporter(config=Config({"MarkdownExporter": {"preprocessors": [_PlainOutputs]}}))
    body, resources = exporter.from_notebook_node(notebook, {"unique_key": "output", "output_files_dir": folder})
    pictures: dict[str, bytes] = {
        posixpath.normpath(name): content for name, content in resources.get("outputs", {}).items()
    }
    body, drawn = _with_inline_charts(body, pictures)
    title = _title(body, executed)
    parent = f"notebooks/{executed.model}"
    files = {f"{parent}/{name}": content for name, content in pictures.items() if name not in drawn}
    files[f"{parent}/{executed.name}.ipynb"] = executed.file.read_bytes()
    known = executed.model in contents.survey.models
    model = text(contents.model_name(executed.model))
    head = (
        f'<p class="crumbs">Executed notebook <span>›</span> '
        f"{inside(f'models/{executed.model}/', model) if known else model} <span>›</span> "
        f"{inside(executed.download, 'download .ipynb')}</p>"
    )
    if not _TITLE.search(body):
        body = f"# {text(title)}\n\n{body}"
    body = _TITLE.sub(lambda match: f"{match[0]}\n\n{head}", body, count=1)
    description = f"Executed notebook {executed.name} on {contents.model_name(executed.model)}."
    return NotebookPage(
        Page(f"{parent}/{executed.name}", f"{title} ({executed.model})", description, body, in_search=False), files
    )


def _title(body: str, executed: ExecutedNotebook) -> str:
    match = _TITLE.search(body)
    return html.unescape(match[1].strip()) if match else executed.name


def _clean_html(output: str) -> str:
    framed = plain_html(output).replace("<table>", f'<div class="frame"><table class="data"{EXCLUDED}>')
    return framed.replace("</table>", "</table></div>")


def _plain_markdown(markdown: str) -> str:
    """Markdown of a notebook without HTML (a tag is shown, not obeyed) and with its formulas drawn; code as it is."""
    parts = re.split(r"(```.*?```|`[^`\n]+`)", markdown, flags=re.DOTALL)
    safe = (part if index % 2 else _ACTIVE.sub(_shown, part) for index, part in enumerate(parts))
    return formulas_in_markdown("".join(safe))


def _shown(match: re.Match[str]) -> str:
    return match[0].replace("<", "&lt;").replace("(", "&#40;")


def _with_inline_charts(body: str, pictures: dict[str, bytes]) -> tuple[str, set[str]]:
    """Our own charts inline, so that they follow the page's light or dark scheme; which ones were used so."""
    drawn: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        name = posixpath.normpath(match["file"])
        content = pictures.get(name, b"")
        if not name.endswith(".svg") or not _is_plain_chart(content):
            return match[0]
        drawn.add(name)
        return f'\n<figure class="chart"{EXCLUDED}>{content.decode().strip()}</figure>\n'

    return _IMAGE.sub(replace, body), drawn


def _is_plain_chart(content: bytes) -> bool:
    """True of an SVG as `charts.to_svg` writes it: known elements, nothing that runs, points outside or styles."""
    try:
        root = ElementTree.fromstring(content.decode())
    except (ElementTree.ParseError, UnicodeDecodeError):
        return False
    if root.get("class") != "survey-chart" or b"<!" in content:
        return False
    return all(
        element.tag.split("}")[-1] in _SVG_ELEMENTS
        and not any(key.lower().startswith("on") or key.split("}")[-1] in ("href", "style") for key in element.attrib)
        for element in root.iter()
    )
