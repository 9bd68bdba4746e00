"""Plain English words that belong to no task: what random sequences are drawn from, besides the tasks' own words."""

FILLERS = (
    "acorn", "amber", "apple", "arch", "arrow", "badge", "bamboo", "barley", "basin", "beacon", "bench", "blanket",
    "bottle", "bramble", "bread", "brick", "bright", "brown", "bucket", "butter", "cabin", "cactus", "canal",
    "canvas", "cape", "carrot", "castle", "cedar", "chalk", "chimney", "circle", "clever", "clock", "cloud",
    "coast", "cocoa", "coral", "cotton", "crane", "creek", "crisp", "curtain", "dance", "deer", "desert", "dolphin",
    "dune", "eagle", "earth", "echo", "ember", "engine", "falcon", "feather", "fern", "field", "flask", "flint",
    "flute", "forest", "fountain", "frost", "garlic", "gentle", "ginger", "glove", "grain", "grape", "hammer",
    "harbor", "hazel", "heron", "hollow", "humble", "igloo", "iron", "ivory", "jasmine", "jungle", "kite", "lagoon",
    "lamp", "laugh", "leaf", "lively", "lobster", "marble", "meadow", "melon", "mirror", "moss", "narrow", "needle",
    "oat", "olive", "orchard", "oven", "paddle", "paper", "pasture", "pebble", "piano", "pillow", "plain",
    "plaster", "pocket", "pond", "porch", "powder", "pumpkin", "quick", "quilt", "raft", "raven", "ribbon", "river",
    "rocket", "round", "sail", "salt", "scarf", "sharp", "shell", "silver", "sketch", "sleep", "smooth", "spark",
    "spider", "spruce", "storm", "stream", "sugar", "swift", "tailor", "thimble", "tiger", "tin", "trumpet",
    "tunnel", "umbrella", "velvet", "wagon", "warm", "wave", "whistle", "window", "wolf", "yarn", "zinc",
)  # fmt: skip
