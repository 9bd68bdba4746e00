"""A small checkout to run things in: throwaway notebooks without torch, entries, a package to digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey_tools.knowledge.records import Detection, HeadType, OpenModel
from survey_tools.notebooks.plan import Run, plan
from survey_tools.notebooks.reach import PackageSource
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.records import RunRecord
from survey_tools.results.store import ResultStore

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
PARAMETERS = """
# %% tags=["parameters"]
model = "some-model"
entries = ["induction"]
seed = 0
shift = 0.25
out = ""
"""
MEASURE = """
# %% [markdown]
# ## Measure

# %%
import json
from pathlib import Path

template = json.loads(Path("measurement.json").read_text())

# %%
for entry in entries:
    measured = {**template, "entry": entry, "model": model, "seed": seed, "scores": [[shift, 0.5], [0.5, None]]}
    (Path(out) / f"{entry}.json").write_text(json.dumps(measured))
print("wrote", entries, "into", out)
"""
MEASUREMENT: dict[str, Any] = {
    "entry": "induction",
    "model": "tiny",
    "model_digest": "0" * 64,
    "layers": 2,
    "heads": [2, 2],
    "verdict": "not reproduced",
    "reason": "no head passed",
    "method": "attention pattern",
    "metric": {
        "name": "score", "formula": "x", "low": 0, "high": 1, "minimum_effect": 0.2, "source": "a-paper",
        "stimulus": "random tokens",
    },
    "seed": 0,
    "prompts": 4,
    "scores": [[0.125, 0.5], [0.5, None]],
    "scores_low": [[0.0, 0.5], [0.5, None]],
    "scores_high": [[1.0, 0.5], [0.5, None]],
    "found": [],
    "cause": {"claimed": True, "tested": False, "reason": "nothing was found"},
    "acceptance": {"positive": "planted", "positive_passed": True, "negative": "none", "negative_passed": True},
}  # fmt: skip
PACKAGE_FILES = {
    "__init__.py": '"""The package."""\n__version__ = "1"\n',
    "heads/__init__.py": "",
    "heads/planted.py": "PLANTED = 1\n",
    "heads/capture.py": "STEP = 1\n",
    "heads/unrelated.py": "OTHER = 1\n",
    "heads/detect.py": "from survey_tools.heads.capture import STEP\nfrom survey_tools.heads import detectors\n",
    "heads/detectors/__init__.py": "from survey_tools.heads.detectors import induction, successor\n",
    "heads/detectors/induction.py": "from survey_tools.heads import capture\nfrom ..tasks import repeats\n",
    "heads/detectors/previous_token.py": "MINIMUM = 0.3\n",
    "heads/detectors/successor.py": "MINIMUM = 0.4\n",
    "heads/tasks/__init__.py": "",
    "heads/tasks/repeats.py": "LENGTH = 50\n",
    "knowledge/__init__.py": "",
    "knowledge/survey.py": "TEXT = 1\n",
}


@dataclass(frozen=True)
class Entries:
    """The two attributes of a survey that planning reads."""

    head_types: dict[str, HeadType]
    models: dict[str, OpenModel]


def script(*cells: str, parameters: str = PARAMETERS, header: str = HEADER) -> str:
    return header + parameters + "".join(cells)


def cell(code: str) -> str:
    return f"\n# %%\n{code}\n"


def head_type(entry: str, notebook: str, **parameters: Any) -> HeadType:
    detection = Detection(notebook=notebook, detector=entry, parameters=parameters)
    definition = {"attends_to": "x", "writes": "y", "formula": "z"}
    content = {"schema_version": 1, "id": entry, "name": entry, "staging": None, "summary": "s"}
    return HeadType.model_validate({**content, "definition": definition, "detection": detection})


def open_model(model: str, *, default: bool = True, recipe: str | None = None, **changes: Any) -> OpenModel:
    source: dict[str, Any] = {"kind": "hub", "repo": "someone/something", "revision": "a" * 40}
    if recipe is not None:
        source = {"kind": "planted", "recipe": recipe}
    shape = dict.fromkeys(("layers", "heads", "kv_heads", "d_model", "d_head", "d_vocab", "context"), 2)
    content = {
        "schema_version": 1, "id": model, "name": model, "summary": "s", "upstream": None, "source": source,
        "weights": "as published", "licence": {"name": "MIT"}, "shape": {"architecture": "GPT2", **shape},
        "dtype": "float32", "tier": "cpu", "default": default,
    }  # fmt: skip
    return OpenModel.model_validate({**content, **changes})


def make_record(**changes: Any) -> RunRecord:
    run = {
        "schema_version": 1, "run_id": "0123456789ab", "notebook": "probe", "digest": "d", "digest_parts": {},
        "parameters": {"seed": 0}, "environment": {"device": "cpu", "dtype": "float32", "versions": {}},
    }  # fmt: skip
    return RunRecord.model_validate({**MEASUREMENT, **run, **changes})


def make_cell(**changes: Any) -> CapabilityRecord:
    cell = {
        "schema_version": 1, "task": "antonym", "model": "tiny", "model_digest": "0", "verdict": "present",
        "reason": "90%", "description": "opposites", "source": None, "name": "share", "unit": "share", "value": 0.9,
        "interval": [0.4, 0.95], "chance": 0.25, "needed": 0.25, "items": 200, "independent": 100, "margin": 2.0,
        "on_twin": 0.1, "dropped": {}, "asked": 200, "digest": "d", "digest_parts": {},
        "environment": {"device": "cpu", "dtype": "float32", "versions": {}},
    }  # fmt: skip
    return CapabilityRecord.model_validate({**cell, **changes})


class Checkout:
    """A folder with notebooks, a package to digest and a store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = ResultStore(root / "results")
        self.package_folder = root / "src" / "survey_tools"
        self.entries = Entries({}, {"tiny": open_model("tiny")})
        for name, text in PACKAGE_FILES.items():
            self.edit_package(name, text)
        (root / "measurement.json").write_text(json.dumps(MEASUREMENT))

    def edit_package(self, name: str, text: str) -> None:
        path = self.package_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def notebook(self, name: str, text: str, *entries: str, **parameters: Any) -> Path:
        """Write a script, and the head types that are detected by it."""
        path = self.root / "notebooks" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        for entry in entries:
            self.entries.head_types[entry] = head_type(entry, name, **parameters)
        return path

    @property
    def package(self) -> PackageSource:
        """Read anew every time: a test edits the files."""
        return PackageSource(self.package_folder)

    def plan(self, **options: Any) -> list[Run]:
        return plan(self.entries, self.store, root=self.root, package=self.package, **options)
