"""What lasts for years, and the centuries it is set in."""

LASTING = (
    "war", "siege", "trial", "project", "expedition", "journey", "alliance", "rebellion", "famine", "drought",
    "campaign", "partnership", "experiment", "occupation", "truce", "marriage", "voyage", "feud", "debate", "reform",
    "plague", "blockade", "strike", "tour", "study", "reign", "dispute", "boom", "embargo", "festival",
)  # fmt: skip
CENTURIES = ("11", "12", "13", "14", "15", "16", "17", "18")
"""First two digits of a year."""
