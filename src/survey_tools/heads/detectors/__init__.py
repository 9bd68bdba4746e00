"""Detectors, one head type a file: what counts as found.

Add yours here: `<head_type_with_underscores>.py` with a `DETECTOR` whose id is the head type's id. Rule,
minimum effect and stimulus are committed before the first run on a real model.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from pathlib import Path

from survey_tools.errors import DetectionError
from survey_tools.heads.detector import Detector


def detector_ids() -> tuple[str, ...]:
    """Ids of all detectors in this package, sorted; nothing is imported for it."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load_detector(head_type: str) -> Detector:
    """The detector of a head type. Raises DetectionError with a suggestion when there is none."""
    if head_type not in detector_ids():
        near = get_close_matches(head_type, detector_ids(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(detector_ids())}."
        raise DetectionError(f"there is no detector for {head_type!r}{hint}")
    module = importlib.import_module(f"{__name__}.{head_type.replace('-', '_')}")
    return _checked(module, head_type)


def detector_from_file(path: Path) -> Detector:
    """A detector from a file outside the package, which is run as code: use files that you trust."""
    spec = importlib.util.spec_from_file_location(f"survey_detector_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DetectionError(f"{path} is not a Python file with a DETECTOR.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return _checked(module, path.stem.replace("_", "-"))


def _checked(module: object, head_type: str) -> Detector:
    found = getattr(module, "DETECTOR", None)
    if not isinstance(found, Detector):
        raise DetectionError(f"the detector file of {head_type!r} has no DETECTOR of a kind known here.")
    if found.id != head_type:
        raise DetectionError(f"the detector in the file of {head_type!r} calls itself {found.id!r}; make them equal.")
    return found
