"""Sentence frames that several tasks and the planted models share."""

INDIRECT_OBJECT_FRAMES = (
    "When {A} and {B} went to the store, {S} gave a drink to",
    "When {A} and {B} got a letter at the office, {S} decided to give it to",
    "After {A} and {B} went to the park, {S} handed a ball to",
    "Then, {A} and {B} were working at the school. {S} gave a book to",
    "While {A} and {B} were at the house, {S} wanted to give a snack to",
)
