"""What goes wrong between the survey and the literature.

SurveyError
├── LiteratureError            a source, a form or a draft cannot be used; says which and what to do instead
│   ├── SourceUnavailable      no network, no answer in time, or the server asks to come back later
│   ├── SourceUnreadable       the server answered something else than its interface promises
│   └── PaperUnknown           the source works, and knows no such paper
└── AlreadyHere                the survey holds the paper, or the name; carries the entry's path
"""

from __future__ import annotations

from survey_tools.errors import SurveyError


class LiteratureError(SurveyError):
    """A source, a form or a draft cannot be used."""


class SourceUnavailable(LiteratureError):
    """No network, no answer in time, or the server asks to come back later."""


class SourceUnreadable(LiteratureError):
    """The server answered something else than its interface promises."""


class PaperUnknown(LiteratureError):
    """The source works, and knows no such paper."""


class AlreadyHere(SurveyError):
    """The survey holds it already; `path` is the entry's file, relative to the root."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path
