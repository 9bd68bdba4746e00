"""Things and people that stand by one another, and how their plurals are made."""

PLACED_THINGS = (
    ("key", "to", "cabinet"), ("door", "of", "house"), ("book", "on", "shelf"), ("tree", "behind", "wall"),
    ("picture", "above", "bed"), ("chair", "near", "window"), ("road", "to", "village"),
    ("letter", "from", "lawyer"), ("song", "about", "river"), ("lamp", "beside", "sofa"),
    ("garden", "around", "castle"), ("ticket", "for", "concert"), ("bridge", "over", "canal"),
    ("gift", "for", "teacher"), ("boat", "by", "pier"), ("story", "about", "king"), ("label", "on", "bottle"),
    ("shop", "across from", "station"), ("button", "on", "jacket"), ("cat", "under", "table"),
    ("guard", "outside", "gate"), ("friend", "of", "doctor"), ("student", "behind", "professor"),
    ("farmer", "near", "barn"), ("singer", "beside", "dancer"), ("nurse", "with", "patient"),
    ("pilot", "behind", "car"), ("report", "on", "accident"), ("message", "for", "manager"),
    ("map", "of", "island"), ("bird", "above", "roof"), ("lock", "on", "box"), ("light", "over", "desk"),
    ("answer", "to", "question"), ("path", "through", "field"), ("poster", "on", "door"),
    ("price", "of", "ticket"), ("color", "of", "flower"), ("owner", "of", "hotel"),
    ("neighbor", "of", "painter"), ("car", "behind", "truck"), ("horse", "near", "fence"),
    ("sign", "beside", "road"), ("photo", "of", "actor"), ("author", "of", "novel"), ("leader", "of", "group"),
    ("cup", "next to", "plate"), ("coat", "under", "blanket"), ("hill", "behind", "lake"),
    ("tower", "above", "church"), ("dog", "near", "bench"), ("waiter", "behind", "guest"),
    ("toy", "under", "cushion"), ("name", "of", "street"), ("size", "of", "window"), ("cost", "of", "repair"),
    ("taste", "of", "apple"), ("sound", "of", "engine"), ("result", "of", "test"), ("title", "of", "film"),
    ("cloud", "over", "mountain"), ("stone", "beside", "grave"), ("rule", "of", "game"),
    ("plan", "for", "building"), ("wheel", "of", "cart"), ("handle", "of", "drawer"), ("crack", "in", "mirror"),
    ("lion", "near", "elephant"),
)  # fmt: skip
"""A thing, and what it is placed by or belongs to.

All of these nouns have the regular plural that `plural` makes."""


def plural(noun: str) -> str:
    """The regular plural: `story` -> stories, `box` -> boxes, `key` -> keys."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
