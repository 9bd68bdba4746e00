"""JSON Schemas of the entries, for editors: completion, and most mistakes underlined while typing.

They are generated from the records and committed in docs/schemas/; a test compares the two. Run
`python -m survey_tools.knowledge.schemas` in the repository after a change of a record.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from survey_tools.knowledge.kinds import KINDS, Kind
from survey_tools.knowledge.root import find_root

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one kind of entry."""
    return {"$schema": DIALECT, **kind.record.model_json_schema()}


def schema_text(kind: Kind) -> str:
    """The schema as it is committed: the same bytes for the same records."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write `<kind>.schema.json` of every kind into `folder`; returns the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for kind in KINDS:
        file, text = folder / kind.schema_file, schema_text(kind)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(file)
    return changed


if __name__ == "__main__":
    write_schemas(find_root() / "docs" / "schemas")
