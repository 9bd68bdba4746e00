"""Parts of simple clauses that can be put as a statement or as a question."""

SUBJECTS = (
    "the cat", "the teacher", "my brother", "her friend", "the old man", "the train", "our neighbor", "the doctor",
    "the new student", "his sister", "the farmer", "the baby", "the young woman", "their dog", "the driver",
    "the singer",
)  # fmt: skip
PREDICATES = (
    ("is", "on the mat"),
    ("is", "in the garden"),
    ("was", "late for school"),
    ("was", "at the station"),
    ("can", "find the way home"),
    ("can", "come to the party"),
    ("will", "stay until Monday"),
    ("will", "sleep in the kitchen"),
    ("has", "left the house"),
    ("has", "seen the letter"),
    ("should", "wait outside"),
    ("could", "hear the music"),
    ("would", "like some water"),
    ("is", "going to the market"),
    ("was", "looking for a job"),
    ("must", "leave before noon"),
)
"""An auxiliary and the rest of the clause; each goes with every one of `SUBJECTS`."""
