"""Induction heads: a token attends to what followed its earlier copy, and raises it.

Near-misses: copy suppression has the same attention and the opposite write; a head at a fixed distance scores
as high without a repeat; duplicate-token heads look one place earlier.
"""

from survey_tools.heads.detector import Lag, PatternDetector
from survey_tools.heads.methods.writes import RAISES_NEXT
from survey_tools.heads.tasks import repeated_tokens

DETECTOR = PatternDetector(
    id="induction",
    formula=r"\frac{1}{|Q_2|}\sum_{q \in Q_2} A_{q,\,q-L+1}",
    source="olsson-2022-induction-heads",
    minimum_effect=0.2,
    behaviour=repeated_tokens.behaviour,
    task="repeated-tokens",
    needs_behaviour=True,
    relation=Lag(1, -1, "second but last"),
    controls=(
        Lag(1, -1, "second but last", "fresh"),
        Lag(1, 0, "second but last"),
        Lag(1, -2, "second but last"),
    ),
    control_name="the best of: the same cells without a repeat, the copy itself, two places after it",
    write=RAISES_NEXT,
)
