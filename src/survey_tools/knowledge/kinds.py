"""The kinds of entry: where their files lie and which record each becomes. Add a kind here."""

from __future__ import annotations

from dataclasses import dataclass

from survey_tools.knowledge.records import (
    Benchmarks,
    Circuit,
    Entry,
    Framework,
    Glossary,
    HeadType,
    Methods,
    OpenModel,
    OpenQuestions,
    Paper,
    Scheme,
)


@dataclass(frozen=True)
class Kind:
    """One kind of entry; `words` is what a message calls it. `only`: there is a single entry of it, with that id."""

    name: str
    words: str
    folder: str
    record: type[Entry]
    only: str | None = None

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
FRAMEWORK = Kind("framework", "framework", "head_taxonomy", Framework, only="framework")
CIRCUIT = Kind("circuit", "circuit", "head_taxonomy/circuits", Circuit)
SCHEME = Kind("scheme", "naming scheme", "head_taxonomy/schemes", Scheme)
MODEL = Kind("model", "model", "models", OpenModel)
METHODS = Kind("methods", "tree of methods", "background", Methods, only="methods")
BENCHMARKS = Kind("benchmarks", "list of benchmarks", "background", Benchmarks, only="benchmarks")
GLOSSARY = Kind("glossary", "glossary", "background", Glossary, only="glossary")
OPEN_QUESTIONS = Kind("open-questions", "list of open questions", "background", OpenQuestions, only="open-questions")

KINDS = (PAPER, HEAD_TYPE, FRAMEWORK, CIRCUIT, SCHEME, MODEL, METHODS, BENCHMARKS, GLOSSARY, OPEN_QUESTIONS)
FRAMEWORK_ID = "framework"


def kind_of(folder: str, stem: str) -> Kind | None:
    """The kind of the file `<folder>/<stem>.yml`; None where a folder holds named files only and this is none."""
    here = [kind for kind in KINDS if kind.folder == folder]
    named = next((kind for kind in here if kind.only == stem), None)
    return named or next((kind for kind in here if kind.only is None), None)
