"""`survey new-head`: a draft of a head type's entry and, when asked for, of its detector and the test it must pass.

The detector's file stands where detectors are looked for, and refuses to load until it is written: a half-written
detector that ran would give scores that mean nothing. Its test fails for the same reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from survey_tools.errors import AlreadyHere, LiteratureError, SurveyError
from survey_tools.knowledge.fields import ID_PATTERN
from survey_tools.knowledge.kinds import FRAMEWORK, FRAMEWORK_ID, HEAD_TYPE
from survey_tools.knowledge.load import Entries, load_entries
from survey_tools.knowledge.lookup import name_key
from survey_tools.knowledge.problems import shown
from survey_tools.knowledge.records import Definition, Framework, HeadType, Plan, Planned, Staging
from survey_tools.knowledge.writer import record_text
from survey_tools.literature.metadata import plain
from survey_tools.literature.new_file import refuse_packaged, write_new

_DETECTORS = Path("src", "survey_tools", "heads", "detectors")
_TESTS = Path("tests", "heads")

_DETECTOR = '''"""{name}s: a draft, to be replaced by what such heads attend to and write.

Near-misses: to be replaced by the heads that look alike, and by what tells each of them apart.

`previous_token.py`, beside this file, is a short detector to copy. Formula, minimum effect and stimulus are committed
before the first run on a real model.
"""

from survey_tools.errors import DetectionError

raise DetectionError(
    "the detector of '{id}' is a draft: replace the last lines of heads/detectors/{module}.py by its "
    "DETECTOR, or remove the file."
)
'''

_TEST = '''"""{name}s: found where they were planted, and nowhere in shuffled weights.

Fails until the detector is written.
"""

import pytest

from survey_tools.heads.detectors import load_detector
from survey_tools.heads.methods.controls import find, shuffled
from survey_tools.heads.settings import Settings

HEAD_TYPE = "{id}"


@pytest.fixture(scope="module")
def detector():
    return load_detector(HEAD_TYPE)


def test_it_knows_where_such_heads_were_planted(detector):
    assert detector.planted, "plant one in heads/planted/, or give planted_at"


def test_exactly_the_planted_heads(detector, planted):
    found = find(planted, [detector], Settings(), lambda _: None)[HEAD_TYPE]
    assert set(found.heads) == set(detector.planted)


def test_none_in_shuffled_weights(detector, planted):
    assert find(shuffled(planted), [detector], Settings(), lambda _: None)[HEAD_TYPE].heads == []
'''


@dataclass(frozen=True)
class NewHead:
    """The files of a new head type, relative to the root, the entry first; `awaited` by the framework."""

    head_type: HeadType
    files: tuple[str, ...]
    awaited: bool

    @property
    def next_steps(self) -> str:
        """What to do now, for the terminal."""
        entry, *others = self.files
        steps = [f"write {entry}: every line that says it is to be replaced, and its nearest types under relations"]
        steps.append(
            "name the type in the entry of the paper that introduces it: head_types: - "
            f"{{id: {self.head_type.id}, role: introduces}}"
        )
        if self.awaited:
            steps.append(f"take {self.head_type.id} off the list 'awaited' in {FRAMEWORK.path(FRAMEWORK_ID)}")
        if others:
            detector, test = others
            steps.append(f"write {detector}; then detection in {entry} names notebook and detector")
            steps.append(f"python -m pytest {test}      # fails until the detector is written")
        steps.append(f"survey check {entry}")
        lines = [f"Draft: {path}" for path in self.files] + ["", "Next:"]
        return "\n".join([*lines, *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])


def new_head(root: Path, head_id: str, name: str | None = None, detector: bool = False) -> NewHead:
    """Write the drafts of a head type into `root`, as new files; `name` is by default made from the id.

    Raises:
        AlreadyHere: an entry has that id, name or alias.
        LiteratureError: the id cannot be one, or there is no source here for a detector.
        SurveyError: one of the files exists, or cannot be made. Nothing is written then.
    """
    refuse_packaged(root)
    if not re.fullmatch(ID_PATTERN, head_id):
        raise LiteratureError(f"{shown(head_id)} cannot be an id: small letters, digits and dashes, such as name-mover")
    entries = load_entries(root)
    called = plain(name or f"{head_id.replace('-', ' ').title()} Head", 100)
    _refuse_known(head_id, called, entries)
    head_type = _draft(head_id, called, entries.framework)
    files = {HEAD_TYPE.path(head_id): record_text(head_type, HEAD_TYPE)}
    if detector:
        files |= _detector_files(root, head_type)
    write_new({root / path: text for path, text in files.items()})
    awaited = entries.framework is not None and head_id in entries.framework.awaited
    return NewHead(head_type, tuple(files), awaited)


def _refuse_known(head_id: str, name: str, entries: Entries) -> None:
    if head_id in entries.known_ids(HEAD_TYPE):
        raise AlreadyHere(f"{HEAD_TYPE.path(head_id)} is here already; correct that file", HEAD_TYPE.path(head_id))
    wanted = {name_key(name): name, name_key(head_id): head_id}
    for head_type in entries.head_types.values():
        for known in (head_type.id, head_type.name, *head_type.aliases):
            if asked := wanted.get(name_key(known)):
                path = HEAD_TYPE.path(head_type.id)
                message = f"'{asked}' already names {path} (as '{known}'); add what is new to that file"
                raise AlreadyHere(message, path)


def _draft(head_id: str, name: str, framework: Framework | None) -> HeadType:
    try:
        return HeadType(
            schema_version=1,
            id=head_id,
            name=name,
            staging=_place(head_id, framework),
            summary="To be replaced by one sentence that says what such a head does.",
            definition=Definition(
                attends_to="To be replaced by the position that such a head attends to.",
                writes="To be replaced by what it writes there.",
                formula=r"\text{to be replaced}",
            ),
            detection=Planned(
                planned=Plan(how="To be replaced by how one would look for such heads.", needs="To be replaced.")
            ),
        )
    except ValidationError as error:
        reasons = "; ".join(problem["msg"] for problem in error.errors(include_url=False))
        raise LiteratureError(f"{shown(name)} cannot name a head type: {reasons}") from None


def _place(head_id: str, framework: Framework | None) -> Staging | None:
    """Where the framework puts a type that it awaits; a type it does not know starts without a stage."""
    for stage in framework.stages if framework else ():
        for category in stage.categories:
            if head_id in category.heads:
                return Staging(stage=stage.id, category=category.name)
    return None


def _detector_files(root: Path, head_type: HeadType) -> dict[str, str]:
    module = head_type.id.replace("-", "_")
    if not (root / _DETECTORS).is_dir():
        raise LiteratureError(
            f"{root} has no {_DETECTORS.as_posix()}/: a detector is drafted in a checkout of the survey"
        )
    if not module.isidentifier():
        raise SurveyError(f"a detector is a Python module, and {module} cannot name one; begin the id with a letter")
    words = {"id": head_type.id, "module": module, "name": head_type.name.replace("\\", "").replace('"', "'")}
    return {
        (_DETECTORS / f"{module}.py").as_posix(): _DETECTOR.format(**words),
        (_TESTS / f"test_{module}.py").as_posix(): _TEST.format(**words),
    }
