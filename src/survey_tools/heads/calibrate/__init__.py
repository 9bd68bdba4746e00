"""When is a score more than luck? Exact tests over prompts, false discovery rate, intervals, chance nulls.

The chance null turns at random what the method reads, a hundred times or more; a head must beat what
the *largest* score over heads reaches in 99 % of draws. Thresholds of the literature play no part in it.
"""

from survey_tools.heads.calibrate.intervals import effect_interval, mean_interval, share_interval, student_quantile
from survey_tools.heads.calibrate.nulls import (
    NULL_DRAWS,
    NULL_QUANTILE,
    ChanceNull,
    QueryRotation,
    chance_null,
    random_rotations,
)
from survey_tools.heads.calibrate.random_heads import RandomSets, random_head_sets
from survey_tools.heads.calibrate.significance import (
    FALSE_DISCOVERY_RATE,
    MOST_PROMPTS,
    benjamini_hochberg,
    hardest_control,
    rank_p,
    require_decidable,
    sign_flip,
    sign_test,
)

__all__ = [
    "FALSE_DISCOVERY_RATE",
    "MOST_PROMPTS",
    "NULL_DRAWS",
    "NULL_QUANTILE",
    "ChanceNull",
    "QueryRotation",
    "RandomSets",
    "benjamini_hochberg",
    "chance_null",
    "effect_interval",
    "hardest_control",
    "mean_interval",
    "random_head_sets",
    "random_rotations",
    "rank_p",
    "require_decidable",
    "share_interval",
    "sign_flip",
    "sign_test",
    "student_quantile",
]
