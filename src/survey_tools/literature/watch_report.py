"""A watch as files: one draft a paper, and the text of the issue that a weekly workflow opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from survey_tools.errors import SurveyError
from survey_tools.knowledge.kinds import KINDS
from survey_tools.knowledge.problems import one_line, plural
from survey_tools.literature.metadata import PaperMetadata
from survey_tools.literature.watch import Sighting, Watched
from survey_tools.site.escape import code_block, link
from survey_tools.site.escape import text as escape

ISSUE = "issue.md"
USUAL_FOLDER = Path("build") / "watch"
LONGEST_ISSUE = 60_000
"""GitHub takes 65,536 characters; what does not fit is named and left to its file."""
_MOST_BEYOND = 50
_INVITATION = (
    "To take one in: `survey add` with its identifier, or its draft below saved under the name above it; then do what "
    "the draft lists under `missing`. To leave one out, say why, so that the next reader knows."
)
_PAGES = {
    "arxiv": "https://arxiv.org/abs/{}",
    "doi": "https://doi.org/{}",
    "acl": "https://aclanthology.org/{}/",
    "openreview": "https://openreview.net/forum?id={}",
}


def write_watch(watched: Watched, folder: Path, root: Path) -> list[Path]:
    """Write drafts and issue into `folder`; drafts of an earlier watch there are replaced. Gives the files written.

    Raises:
        SurveyError: `folder` is one of the survey's own, holds something else than a watch, or can't be written.
    """
    for kind in KINDS:
        if folder.resolve().is_relative_to((root / kind.folder).resolve()):
            raise SurveyError(f"{folder} holds entries; drafts of a watch are looked at first: choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = list(folder.iterdir())
        if there and folder / ISSUE not in there:
            raise SurveyError(f"{folder} holds other files; give an empty folder, or that of an earlier watch")
        for file in there:
            if file.suffix == ".yml":
                file.unlink()
        files = {folder / f"{sighting.draft.paper.id}.yml": sighting.draft.text for sighting in watched.sightings}
        files[folder / ISSUE] = issue_text(watched)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise SurveyError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from None
    return list(files)


def issue_text(watched: Watched) -> str:
    """The issue in Markdown: per paper title, link, why it was found and its draft, folded away."""
    number = len(watched.sightings) + len(watched.beyond)
    blocks = [f"New papers on attention heads since {watched.since} that are not here yet: {number}."]
    blocks += [f"**Not complete:** {_escaped(failure)}." for failure in watched.failures]
    if watched.sightings:
        blocks.append(_INVITATION)
    room = LONGEST_ISSUE - sum(map(len, blocks))
    for place, sighting in enumerate(watched.sightings, 1):
        block = _section(place, sighting)
        if len(block) > room:
            block = _section(place, sighting, with_draft=False)
        blocks.append(block)
        room -= len(block) + 2
    if watched.beyond:
        lines = [f"- {_where(metadata)}: {_escaped(metadata.title)}" for metadata in watched.beyond[:_MOST_BEYOND]]
        more = len(watched.beyond) - len(lines)
        lines += [f"- and {more} more"] if more else []
        blocks.append("Found as well, further down the ranking and so without a draft:\n\n" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def summary(watched: Watched, files: Sequence[Path]) -> str:
    """What a watch found and where it lies now, for the terminal."""
    lines = [f"{s.draft.paper.published}  {s.draft.paper.id}  {s.draft.paper.title}" for s in watched.sightings]
    lines.append(
        f"{plural(len(watched.sightings), 'draft')} since {watched.since}; {len(watched.beyond)} more past the limit; "
        f"{plural(watched.known, 'paper')} found that {'is' if watched.known == 1 else 'are'} here already."
    )
    lines += [f"Not complete: {failure}." for failure in watched.failures]
    return "\n".join([*map(one_line, lines), f"Text for an issue: {files[-1]}"])


def _section(place: int, sighting: Sighting, with_draft: bool = True) -> str:
    draft = sighting.draft
    found = f"{_where(draft.metadata)}, {draft.paper.published}; {draft.metadata.source}: {_escaped(sighting.why)}."
    head = f"### {place}. {_escaped(draft.paper.title)}\n\n{found}\n\n"
    if not with_draft:
        return f"{head}The draft would make this issue too long; `survey add` writes it."
    return f"{head}<details><summary>{draft.path}</summary>\n\n{code_block(draft.text, 'yaml')}\n\n</details>"


def _where(metadata: PaperMetadata) -> str:
    """A link to the paper, named by its identifier."""
    for identifier in metadata.identifiers:
        return f"[{identifier}]({_PAGES[identifier.scheme].format(quote(identifier.value))})"
    return link(metadata.page, "page") if metadata.page else "no link"


def _escaped(text: str) -> str:
    # A zero-width space keeps GitHub from telling whoever happens to have the name behind an @.
    return escape(text).replace("@", "@&#8203;")
