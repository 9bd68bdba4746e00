"""Short invented passages with three facts of one type, and a question about each of them."""

from __future__ import annotations

from dataclasses import dataclass

PEOPLE = (
    "Anna", "Bruno", "Clara", "Dennis", "Emma", "Felix", "Grace", "Henry", "Irene", "Jacob", "Karen", "Leo", "Mona",
    "Nora", "Oscar", "Paula", "Ralph", "Sarah", "Thomas", "Victor",
)  # fmt: skip
CITIES = (
    "Athens", "Boston", "Chicago", "Dublin", "Edinburgh", "Florence", "Geneva", "Houston", "Istanbul", "Kyoto",
    "London", "Madrid", "Naples", "Oslo", "Paris", "Rome", "Seattle", "Tokyo", "Vienna", "Warsaw",
)  # fmt: skip
FOODS = (
    "apples", "beans", "carrots", "dates", "eggs", "flour", "grapes", "honey", "lemons", "mushrooms", "nuts", "onions",
    "pears", "rice", "salt", "tea", "vinegar", "walnuts",
)  # fmt: skip
COLORS = ("black", "gray", "red", "white", "yellow", "purple", "lilac", "turquoise", "violet", "silver")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
ANIMALS = (
    "bear", "cat", "dog", "fox", "goat", "horse", "lizard", "monkey", "parrot", "rabbit", "snake", "turtle", "wolf",
    "duck", "pig", "hamster",
)  # fmt: skip
JOBS = (
    "baker", "carpenter", "doctor", "farmer", "gardener", "hunter", "lawyer", "mechanic", "nurse", "painter", "sailor",
    "teacher", "waiter", "reporter", "judge", "dentist",
)  # fmt: skip


@dataclass(frozen=True)
class Passage:
    """A passage with the answers `{x}`, `{y}` and `{z}` and, where it is about people, their names `{a}` to `{c}`."""

    text: str
    questions: tuple[str, str, str]
    """What is asked about x, y and z."""
    leads: tuple[str, str, str]
    """How the answers begin, up to x, y and z."""
    answers: tuple[str, ...]


PASSAGES = (
    Passage(
        "Every spring {a} goes fishing near {x}. {b} would rather paint houses in {y}, and {c} rents out boats in {z}.",
        ("Where does {a} catch fish?", "In which city does {b} work with paint?", "Where are the boats of {c}?"),
        ("{a} catches fish near", "{b} works in", "The boats are in"),
        CITIES,
    ),
    Passage(
        "On Monday {x} wrote a long letter. The next day {y} read it aloud, and in the end {z} burned it in the stove.",
        ("Who was the writer of the letter?", "Who was the reader?", "Who put the letter into the fire?"),
        ("The writer was", "The reader was", "The letter was put into the fire by"),
        PEOPLE,
    ),
    Passage(
        "{a} bought some {x} at the market. {b} came home with {y} instead, and a bag of {z} was all that {c} got.",
        ("What did {a} buy?", "What did {b} bring?", "What did {c} get?"),
        ("{a} bought", "{b} brought", "{c} got"),
        FOODS,
    ),
    Passage(
        "The house has a {x} kitchen. Its door was painted {y} last year, and {z} curtains hang in the hall.",
        ("What color is the kitchen?", "What color is the door?", "What color are the curtains?"),
        ("The kitchen is", "The door is", "The curtains are"),
        COLORS,
    ),
    Passage(
        "The school opened its doors in {x}. Exams were held for the first time in {y}, and {z} brought a big concert.",
        ("When did the school open?", "When was the first exam?", "When was the concert?"),
        ("The school opened in", "The exam was in", "The concert was in"),
        MONTHS,
    ),
    Passage(
        "In the yard of {a} there lives a {x}. {b} keeps a {y} next door, and a {z} is fed by {c} every night.",
        ("Which animal does {a} have?", "Which animal does {b} have?", "Which animal does {c} have?"),
        ("{a} has a", "{b} has a", "{c} has a"),
        ANIMALS,
    ),
    Passage(
        "{a} earns money as a {x}. For ten years {b} has been a {y}, and {c} wants to become a {z} one day.",
        ("What is the job of {a}?", "What is the job of {b}?", "What is the dream of {c}?"),
        ("{a} is a", "{b} is a", "{c} wants to be a"),
        JOBS,
    ),
)
