"""The five kinds of entry: where their files lie and which record each becomes. Add a kind here."""

from __future__ import annotations

from dataclasses import dataclass

from survey_tools.knowledge.records import Circuit, Entry, Framework, HeadType, OpenModel, Paper


@dataclass(frozen=True)
class Kind:
    """One kind of entry; `words` is what a message calls it."""

    name: str
    words: str
    folder: str
    record: type[Entry]

    def path(self, entry_id: str) -> str:
        """The file of an entry, relative to the root."""
        return f"{self.folder}/{entry_id}.yml"

    @property
    def schema_file(self) -> str:
        """Name of its JSON Schema in docs/schemas/."""
        return f"{self.name}.schema.json"

    @property
    def first_line(self) -> str:
        """What the first line of every such file must be: editors complete and check by it."""
        up = "../" * (self.folder.count("/") + 1)
        return f"# yaml-language-server: $schema={up}docs/schemas/{self.schema_file}"


PAPER = Kind("paper", "paper", "papers", Paper)
HEAD_TYPE = Kind("head-type", "head type", "head_taxonomy", HeadType)
FRAMEWORK = Kind("framework", "framework", "head_taxonomy", Framework)
CIRCUIT = Kind("circuit", "circuit", "head_taxonomy/circuits", Circuit)
MODEL = Kind("model", "model", "models", OpenModel)

KINDS = (PAPER, HEAD_TYPE, FRAMEWORK, CIRCUIT, MODEL)
FRAMEWORK_ID = "framework"
