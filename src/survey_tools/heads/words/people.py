"""First names, common in English text."""

NAMES = (
    "Mary", "John", "Tom", "James", "Anna", "Paul", "David", "Sarah", "Mark", "Peter", "Jack", "Emma",
    "Alice", "Robert", "Laura", "Kevin",
)  # fmt: skip
