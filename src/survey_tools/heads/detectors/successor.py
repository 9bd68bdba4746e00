"""Successor heads: the OV circuit turns a word of an ordered class into the next one.

Near-misses: heads that copy the word, or turn it into the one before or two places on. The reference
implementation's cut of 0.4 is not used; the minimum effect is ours.
"""

from survey_tools.heads.detector import WeightMapDetector
from survey_tools.heads.tasks import succession

DETECTOR = WeightMapDetector(
    id="successor",
    formula=r"P_u\left(\arg\max_{w \in C(u)} E'_u\, W_V W_O W_U[w] = \mathrm{succ}(u)\right)",
    source="gould-2023-successor-heads",
    minimum_effect=0.3,
    behaviour=succession.behaviour,
    task="succession",
    needs_behaviour=True,
    step=1,
    control_steps=(0, -1, 2),
    control_name="the best of: the word itself, the word before, the word after the next",
)
