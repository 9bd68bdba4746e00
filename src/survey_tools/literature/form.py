"""The body of a GitHub issue made by the form "Add a paper", as data.

GitHub writes each answer below a heading `### <label>` and `_No response_` where there is none. Anyone can write
anything there, so everything is cut to size and checked, and nothing is looked up by a name that it gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.problems import plural, shown
from survey_tools.knowledge.records import Summary
from survey_tools.knowledge.summaries import MAX_WORDS, MIN_WORDS, words
from survey_tools.literature.draft import OwnWords
from survey_tools.literature.metadata import plain

LABELS = {
    "identifier": "Identifier",
    "bibtex": "BibTeX",
    "heads": "Head types",
    "innovation": "Summary: what is new",
    "method": "Summary: how",
    "result": "Summary: what came out",
    "read": "What was read",
    "notes": "Notes",
}
"""Labels of the form's fields; `.github/ISSUE_TEMPLATE/` must use the same."""
LONGEST_BODY = 66_000
"""GitHub's own limit of an issue is 65,536 characters."""
_LONGEST = {"identifier": 300, "bibtex": 20_000, "heads": 2_000, "read": 300, "notes": 4_000}
_LONGEST_SENTENCES = 1_000
_MOST_HEADS = 30
_NO_ANSWER = "_No response_"


@dataclass(frozen=True)
class FormAnswers:
    """What the form says; empty or None where nothing was answered."""

    identifier: str
    bibtex: str
    heads: tuple[str, ...]
    own_words: OwnWords | None
    notes: str


def read_form(body: str) -> FormAnswers:
    """The answers in the body of an issue.

    Raises:
        LiteratureError: it is no such form, names no paper, an answer is too long, or a summary is half written
            or of another length than `survey check` allows.
    """
    answers = _answers(body)
    for name, answer in answers.items():
        longest = _LONGEST.get(name, _LONGEST_SENTENCES)
        if len(answer) > longest:
            raise LiteratureError(f"'{LABELS[name]}' is {len(answer):,} characters long; at most {longest:,} are taken")
    if not answers["identifier"] and not answers["bibtex"]:
        raise LiteratureError(f"the form names no paper: answer '{LABELS['identifier']}' or '{LABELS['bibtex']}'")
    return FormAnswers(
        identifier=plain(answers["identifier"]),
        bibtex=answers["bibtex"],
        heads=_heads(answers["heads"]),
        own_words=_own_words(answers),
        notes=plain(answers["notes"]),
    )


def _answers(body: str) -> dict[str, str]:
    if len(body) > LONGEST_BODY:
        raise LiteratureError(f"the form is {len(body):,} characters long; an issue has at most 65,536")
    labels = {label: name for name, label in LABELS.items()}
    heading = re.compile(rf"^###[ \t]+({'|'.join(map(re.escape, labels))})[ \t]*$", re.MULTILINE)
    parts = heading.split(body.replace("\r\n", "\n"))
    answers: dict[str, str] = {}
    for label, text in zip(parts[1::2], parts[2::2], strict=True):
        name = labels[label]
        if name in answers:
            raise LiteratureError(f"the heading '### {label}' stands twice; an answer may not hold such a line")
        answer = _without_fence(text.strip())
        answers[name] = "" if answer == _NO_ANSWER else answer
    if not answers:
        raise LiteratureError(f"this is not the form: no heading '### {LABELS['identifier']}' in it")
    return {name: answers.get(name, "") for name in LABELS}


def _without_fence(text: str) -> str:
    """GitHub puts the answer to a field of code between fences, an empty one too."""
    fenced = re.fullmatch(r"(`{3,})[\w-]*\n(.*?)\n?\1", text, re.DOTALL)
    return fenced[2].strip() if fenced else text


def _heads(text: str) -> tuple[str, ...]:
    """Names apart by commas, semicolons or lines; of a list with boxes only what is ticked."""
    names = []
    for line in text.splitlines():
        box = re.match(r"\s*[-*]\s*\[([ xX])\]\s*", line)
        if box is None or box[1] != " ":
            bare = line[box.end() :] if box else re.sub(r"^\s*[-*]\s+", "", line)
            names += [plain(name, 100) for name in re.split(r"[,;]", bare)]
    found = tuple(dict.fromkeys(name for name in names if name))
    if len(found) > _MOST_HEADS:
        raise LiteratureError(f"'{LABELS['heads']}' lists {len(found)} types; at most {_MOST_HEADS} are taken")
    return found


def _own_words(answers: dict[str, str]) -> OwnWords | None:
    parts = {name: plain(answers[name]) for name in ("innovation", "method", "result")}
    read = plain(answers["read"])
    if not any(parts.values()):
        return None
    empty = [LABELS[name] for name, text in {**parts, "read": read}.items() if not text]
    if empty:
        wanted = " and ".join(shown(label) for label in empty)
        raise LiteratureError(f"the summary is half written: {wanted} is empty; answer it, or leave the summary out")
    counts = {LABELS[name]: len(words(text)) for name, text in parts.items()}
    odd = [f"'{label}' has {plural(n, 'word')}" for label, n in counts.items() if not MIN_WORDS <= n <= MAX_WORDS]
    if odd:
        raise LiteratureError(f"{', '.join(odd)}; each part of a summary has {MIN_WORDS} to {MAX_WORDS}")
    return OwnWords(Summary(**parts), read)
