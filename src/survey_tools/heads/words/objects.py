"""Small things of any color."""

OBJECTS = (
    "pencil", "cup", "ring", "book", "bottle", "plate", "key", "ball", "box", "bag", "hat", "scarf", "candle",
    "button", "spoon", "bowl", "pen", "lamp", "clock", "phone", "mug", "brush", "comb", "coin", "card", "ribbon",
    "towel", "glove", "shirt", "vase",
)  # fmt: skip
