"""Verbs in the past tense, which shows no number, by what they take; and what goes with them."""

PEOPLE = (
    "farmer", "doctor", "teacher", "student", "driver", "singer", "painter", "nurse", "soldier", "sailor", "lawyer",
    "writer", "guard", "neighbor", "gardener", "baker", "dancer", "pilot", "artist", "banker",
)  # fmt: skip
"""Those whose plural adds -s, and who may be a woman or a man."""
THINGS = (
    "letter", "book", "picture", "ring", "map", "ticket", "lamp", "chair", "apple", "coat", "box", "flower", "cake",
    "bag", "cup", "gift",
)  # fmt: skip
PLACES = ("river", "station", "garden", "bridge", "market", "castle", "church", "lake", "gate", "tower")
TAKING_PEOPLE = ("thanked", "followed", "watched", "helped", "met", "visited", "called", "warned", "praised", "admired")
TAKING_THINGS = ("found", "bought", "lost", "painted", "carried", "hid", "sold", "cleaned", "dropped", "moved")
GIVING = ("gave", "sent", "showed", "offered", "handed", "sold")
"""Verbs with a receiver and a thing."""
RESTING = ("waited", "slept", "smiled", "rested", "worked", "sang", "talked", "laughed")
"""Verbs with no object."""
ABOUT_PEOPLE = ("old", "young", "tired", "happy", "clever", "quiet", "poor", "famous", "kind", "tall")
ABOUT_THINGS = ("small", "new", "heavy", "blue", "expensive", "strange", "beautiful", "broken", "little", "red")
HOW = ("quickly", "quietly", "gladly", "secretly", "finally", "suddenly", "calmly", "proudly")
AGAIN = ("again", "later", "early", "twice", "often", "there")
"""Adverbs that may end a sentence."""
FIRST = ("suddenly", "finally", "later", "soon", "once", "then")
"""Adverbs that may begin one."""
BY_PLACE = ("near", "behind", "at", "by")
