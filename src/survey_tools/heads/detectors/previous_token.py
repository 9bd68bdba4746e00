"""Previous-token heads: each position attends to the one before and writes what stood there.

Near-misses: heads at another fixed distance or with a soft local window (the control takes the best of eight
other distances), and heads that look back and write nothing of it (the write).
"""

from survey_tools.heads.detector import Lag, PatternDetector
from survey_tools.heads.methods.writes import IDENTIFIES_PREVIOUS
from survey_tools.heads.tasks import repeated_tokens

DETECTOR = PatternDetector(
    id="previous-token",
    formula=r"\frac{1}{|Q|}\sum_{q \in Q} A_{q,\,q-1}",
    source="elhage-2021-framework",
    minimum_effect=0.2,
    behaviour=repeated_tokens.behaviour,
    task="repeated-tokens",
    needs_behaviour=False,
    relation=Lag(0, 1, "all"),
    controls=tuple(Lag(0, back, "all") for back in (0, 2, 3, 4, 5, 6, 7, 8)),
    control_name="the best of eight other distances (0 and 2 to 8 back)",
    write=IDENTIFIES_PREVIOUS,
)
