"""Changes of the format of entries: how a file of an older `schema_version` becomes one of the next.

`survey check --fix` applies them in the file itself, so that comments and the wording stay. To change the format:
raise SCHEMA_VERSION in `fields.py` and the Literal beside it, change the records, and add a `Migration` to MIGRATIONS
under the version that it starts from. `data` says what the change means, `text` does the same in the file;
`repair.py` refuses a file where the two disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from survey_tools.knowledge.kinds import Kind
from survey_tools.knowledge.records import SCHEMA_VERSION
from survey_tools.knowledge.text_edits import replace_value
from survey_tools.knowledge.yaml_source import Value

Data = dict[str, Value]
VERSION_FIELD = "schema_version"


@dataclass(frozen=True)
class Migration:
    """One step, from a version to the next. The version itself is raised by `migrate` and `migrated_text`."""

    note: str
    """What it does, for the report: `renames 'titel' to 'title'`."""
    data: Callable[[Data, Kind], Data]
    """The new data; what it is given is left as it was."""
    text: Callable[[str, Kind], str]
    """The same in the text of the file; see `rename_key` and `replace_value` in `text_edits.py`."""


MIGRATIONS: dict[int, Migration] = {}
"""By the version they start from. Version 1 is the first that was published, so there is none yet."""


def version_of(data: Mapping[str, Value] | None) -> int | None:
    """The `schema_version` of an entry, None where it has none that is a whole number."""
    version = (data or {}).get(VERSION_FIELD)
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def is_known(version: int) -> bool:
    """Whether migrations lead from an older version to the one of this package."""
    return version < SCHEMA_VERSION and all(step in MIGRATIONS for step in range(version, SCHEMA_VERSION))


def migrate(data: Data, kind: Kind) -> Data:
    """The data of an entry of a known older version as one of today."""
    for version in _steps(data):
        data = {**MIGRATIONS[version].data(data, kind), VERSION_FIELD: version + 1}
    return data


def migrated_text(text: str, data: Data, kind: Kind) -> str:
    """The text of an entry of a known older version as one of today; `data` is what `text` reads as."""
    for version in _steps(data):
        text = MIGRATIONS[version].text(text, kind)
        text = replace_value(text, (VERSION_FIELD,), str(version + 1))
    return text


def notes(data: Data) -> list[str]:
    """What the migrations of an entry do, in order."""
    return [MIGRATIONS[version].note for version in _steps(data)]


def _steps(data: Data) -> range:
    version = version_of(data)
    return range(version, SCHEMA_VERSION) if version is not None and is_known(version) else range(0)
