"""Everything that this package raises on purpose.

SurveyError                     one clear sentence: where, what was found, what to do
├── KnowledgeError              an entry (YAML) is wrong; carries every problem found
├── RecordError                 a run record is wrong or cannot be written
├── ModelError                  an open model cannot be had or used
│   ├── ModelUnknown            no such id, folder or repository
│   ├── ModelUnavailable        no network, gated, not found, licence not accepted
│   ├── ModelCorrupt            bytes are not the pinned ones
│   ├── ModelTooLarge           does not fit in memory or on disk
│   └── ArchitectureRefused     attention cannot be read exactly, so it is not read at all
├── DetectionError              a detector cannot run here: context too short, tokenizer unfit, ...
│   └── UnknownWord             a tokenizer has no token for a word
├── NotebookError               a notebook is malformed or its run failed; says which cell
├── LiteratureError             a source, a form or a draft cannot be used
│   ├── SourceUnavailable       no network, no answer in time, or the server asks to come back later
│   ├── SourceUnreadable        the server answered something else than its interface promises
│   └── PaperUnknown            the source works, and knows no such paper
├── AlreadyHere                 the survey holds the paper, or the name; carries the entry's path
└── SiteError                   the site cannot be built

The library raises these and knows no command line; `survey_tools.cli` alone turns them into exit codes.
"""

from __future__ import annotations


class SurveyError(Exception):
    """Base of all errors raised on purpose; `str(error)` is one sentence for a person."""


class KnowledgeError(SurveyError):
    """An entry cannot be used. `problems` holds every problem found, not only the first."""

    def __init__(self, message: str, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class RecordError(SurveyError):
    """A run record does not follow the schema, or cannot be stored."""


class ModelError(SurveyError):
    """An open model cannot be had or used."""


class ModelUnknown(ModelError):
    """No model of that id, folder or repository."""


class ModelUnavailable(ModelError):
    """The model exists but cannot be reached: no network, gated, or licence not accepted."""


class ModelCorrupt(ModelError):
    """The bytes that arrived are not the pinned ones."""


class ModelTooLarge(ModelError):
    """The model does not fit in the memory or on the disk of this machine."""


class ArchitectureRefused(ModelError):
    """The attention of this architecture cannot be read exactly, so it is refused by name."""


class DetectionError(SurveyError):
    """A detector cannot run on this model: context too short, vocabulary too small, NaN, ..."""


class UnknownWord(DetectionError):
    """A text holds a word that a tokenizer has no token for; an unknown token is never put in its place."""


class NotebookError(SurveyError):
    """A notebook is malformed, or its run failed; the message names the cell."""


class LiteratureError(SurveyError):
    """A source, a form or a draft cannot be used; says which and what to do instead."""


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


class SiteError(SurveyError):
    """The site cannot be built."""
