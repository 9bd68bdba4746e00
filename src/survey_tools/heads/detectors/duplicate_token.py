"""Duplicate-token heads: a token attends to its earlier copy and writes that it was seen before.

Near-misses: heads that look at any copy of the token, itself included; induction heads (one place later);
heads at a fixed distance that happens to be the length of the copy.
"""

from survey_tools.heads.detector import Lag, PatternDetector
from survey_tools.heads.methods.writes import MARKS_SEEN
from survey_tools.heads.tasks import indirect_object

DETECTOR = PatternDetector(
    id="duplicate-token",
    formula=r"\frac{1}{|Q_2|}\sum_{q \in Q_2} A_{q,\,q-L}",
    source="wang-2022-ioi",
    minimum_effect=0.2,
    behaviour=indirect_object.behaviour,
    task="indirect-object",
    needs_behaviour=False,
    relation=Lag(1, 0, "second"),
    controls=(
        Lag(1, 0, "second", "fresh"),
        Lag(0, 0, "second"),
        Lag(1, -1, "second"),
        Lag(1, 1, "second"),
    ),
    control_name="the best of: the same cells without a repeat, the token itself, one place before or after the copy",
    write=MARKS_SEEN,
)
