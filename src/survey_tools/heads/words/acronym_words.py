"""Words that bodies are named after, three a name; capitals, since an acronym takes their first letters."""

FIRST = (
    "Ancient", "Arctic", "Better", "British", "Central", "Civil", "Digital", "Direct", "Eastern", "Early", "Federal",
    "Free", "Global", "General", "Historic", "Human", "Imperial", "Inner", "Joint", "Junior", "Local", "Lower",
    "Modern", "Medical", "National", "Northern", "Open", "Outer", "Public", "Pacific", "Royal", "Rural", "Southern",
    "Special", "Technical", "Tropical", "United", "Urban", "Virtual", "Visual", "Western", "World",
)  # fmt: skip
MIDDLE = (
    "Animal", "Art", "Bridge", "Business", "Climate", "Culture", "Data", "Design", "Energy", "Education", "Film",
    "Food", "Garden", "Gold", "Health", "Housing", "Information", "Island", "Journey", "Justice", "Language", "Labor",
    "Music", "Market", "Nature", "Network", "Ocean", "Opera", "Planning", "Policy", "Research", "Railway", "Science",
    "Security", "Travel", "Theatre", "Union", "University", "Village", "Volunteer", "Water", "Weather",
)  # fmt: skip
LAST = (
    "Agency", "Association", "Board", "Bureau", "Council", "Center", "Department", "Division", "Exchange",
    "Establishment", "Foundation", "Fund", "Group", "Guild", "House", "Hub", "Institute", "Initiative", "Journal",
    "Jury", "League", "Library", "Museum", "Ministry", "Newspaper", "Navy", "Office", "Organization", "Program",
    "Project", "Register", "Review", "Society", "School", "Trust", "Team", "Unit", "Utility", "Venture", "Vault",
    "Workshop", "Watch",
)  # fmt: skip
