"""Short haystacks: sentences that say nothing to the point, and needles about places, asked literally or otherwise."""

from __future__ import annotations

from dataclasses import dataclass

FILLERS = (
    "Rain fell on the hills all night.",
    "Two guests slept under the wooden table.",
    "The dough was still warm at noon.",
    "A small boat drifted down the river.",
    "Nobody could say who had won the game.",
    "The clock above the door was slow again.",
    "Children ran through the tall grass.",
    "An old man swept the path every morning.",
    "The stew needed a little more salt.",
    "Snow covered the path by the evening.",
    "The train arrived ten minutes late.",
    "Bees were busy among the flowers.",
    "She folded the letter and sat down.",
    "The wind turned before the storm came.",
    "A cat watched the birds from the roof.",
    "He counted the coins a second time.",
    "The moon rose over the quiet fields.",
    "They carried the boxes up the stairs.",
    "Someone had left a drawer open.",
    "The lamp went out without a sound.",
    "Fishermen mended their nets on the beach.",
    "A song came from the room next door.",
    "The coffee was too hot to drink.",
    "Leaves gathered along the fence.",
    "The teacher smiled and closed her book.",
    "Smoke climbed slowly into the sky.",
    "A bus stopped, but nobody got off.",
    "The apples had to be picked by hand.",
    "His coat was wet and far too big.",
    "The road was closed for repairs.",
    "Dust lay thick on the wooden shelves.",
    "The baby laughed at the paper hat.",
    "Clouds moved quickly from the west.",
    "A key turned twice in the lock.",
    "The travelers drank from the stream.",
    "She knew the story by heart.",
    "Frost drew patterns on the glass.",
    "The crowd went home in silence.",
    "A ladder leaned against the wall.",
    "The shop opens early on most days.",
    "He wrote a line and crossed it out.",
    "The bell rang four times.",
    "Grass grew between the old stones.",
    "They shared the last piece of cake.",
)
PLACES = (
    "castle", "garden", "library", "harbor", "museum", "bakery", "tower", "palace", "cottage", "farm", "hotel",
    "school", "temple", "station", "factory", "theater", "mill", "cabin", "church", "hospital", "prison", "stable",
    "market",
)  # fmt: skip


@dataclass(frozen=True)
class Needle:
    """A kind of fact about a place, and what can be its value."""

    statement: str
    """A sentence with `{place}` and `{answer}`."""
    literal: str
    """The sentence again, up to its value, which the place alone is followed by."""
    paraphrase: str
    question: str
    """Asks after the paraphrased statement in words that do not stand next to the value."""
    answers: tuple[str, ...]


NEEDLES = (
    Needle(
        "At the {place} {answer} is the password.",
        " At the {place}",
        "At the {place} the guard waits for {answer} to be whispered.",
        "\nQuestion: What is the password of the {place}?\nAnswer: The password is",
        (
            "maple", "velvet", "thunder", "coral", "lemon", "rocket", "window", "pepper", "dragon", "summer", "guitar",
            "island", "button", "feather", "orange", "hammer",
        ),
    ),
    Needle(
        "For the {place} {answer} is the best color.",
        " For the {place}",
        "For the {place} we bought a lot of {answer} paint.",
        "\nQuestion: What color is the {place}?\nAnswer: The color is",
        (
            "red", "blue", "green", "yellow", "purple", "white", "black", "gray", "brown", "pink", "orange", "gold",
            "silver", "violet",
        ),
    ),
    Needle(
        "Behind the {place} {answer} has a house.",
        " Behind the {place}",
        "Since the sale of the {place}, rent goes to {answer} alone.",
        "\nQuestion: Who owns the {place}?\nAnswer: The owner is",
        (
            "Anna", "Peter", "Laura", "David", "Emma", "Kevin", "Sarah", "Oliver", "Maria", "Frank", "Helen", "Victor",
            "Julia", "Robert", "Nora", "Walter",
        ),
    ),
    Needle(
        "Near the {place} {answer} can be seen.",
        " Near the {place}",
        "In the {place} people often hear the {answer} at night.",
        "\nQuestion: Which animal lives in the {place}?\nAnswer: People hear the",
        (
            "dogs", "cats", "horses", "goats", "parrots", "rabbits", "snakes", "monkeys", "wolves", "bears", "lions",
            "turtles", "foxes", "pigs", "ducks", "cows",
        ),
    ),
    Needle(
        "In the {place} {answer} is on the menu.",
        " In the {place}",
        "Guests of the {place} get a plate of {answer} in the evening.",
        "\nQuestion: What do people eat at the {place}?\nAnswer: They eat",
        (
            "rice", "soup", "pasta", "fish", "chicken", "pizza", "salad", "bread", "cheese", "lamb", "corn", "turkey",
            "meat", "ham", "omelet", "yogurt",
        ),
    ),
)  # fmt: skip
