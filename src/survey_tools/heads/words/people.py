"""First names, common in English text."""

NAMES = (
    "Mary", "John", "Tom", "James", "Anna", "Paul", "David", "Sarah", "Mark", "Peter", "Jack", "Emma",
    "Alice", "Robert", "Laura", "Kevin",
)  # fmt: skip

FEMALE_NAMES = (
    "Mary", "Anna", "Sarah", "Emma", "Alice", "Laura", "Linda", "Susan", "Karen", "Nancy", "Lisa", "Betty",
    "Helen", "Sandra", "Donna", "Carol", "Ruth", "Sharon", "Michelle", "Jennifer", "Maria", "Barbara", "Elizabeth",
    "Margaret", "Dorothy", "Deborah", "Jessica", "Rebecca", "Catherine", "Julia", "Emily", "Sophie", "Olivia",
    "Charlotte", "Hannah", "Rachel", "Amanda", "Melissa", "Stephanie", "Nicole", "Martha", "Diana", "Rose",
    "Victoria", "Christine", "Caroline", "Claire", "Eleanor", "Lucy", "Grace", "Jane", "Kate", "Amy", "Angela",
    "Heather", "Patricia", "Sophia", "Isabella", "Julie", "Monica",
)  # fmt: skip
"""Names that English uses for women, hardly ever for men."""
MALE_NAMES = (
    "John", "Tom", "James", "Paul", "David", "Mark", "Peter", "Jack", "Robert", "Kevin", "William", "Richard",
    "Joseph", "Thomas", "Charles", "Daniel", "Matthew", "Anthony", "Donald", "Steven", "Andrew", "Kenneth", "George",
    "Joshua", "Brian", "Edward", "Ronald", "Timothy", "Jason", "Jeffrey", "Gary", "Nicholas", "Eric", "Jonathan",
    "Stephen", "Larry", "Scott", "Benjamin", "Samuel", "Gregory", "Patrick", "Frank", "Raymond", "Dennis", "Walter",
    "Henry", "Douglas", "Arthur", "Albert", "Roger", "Lawrence", "Simon", "Philip", "Martin", "Adam", "Harry",
    "Carl", "Ralph", "Howard", "Oliver",
)  # fmt: skip
"""Names that English uses for men, hardly ever for women."""
GENDERED_NOUNS = (
    ("mother", "father"), ("sister", "brother"), ("daughter", "son"), ("aunt", "uncle"), ("niece", "nephew"),
    ("wife", "husband"), ("grandmother", "grandfather"), ("girlfriend", "boyfriend"), ("stepmother", "stepfather"),
    ("godmother", "godfather"), ("granddaughter", "grandson"), ("landlady", "landlord"),
)  # fmt: skip
"""Words for a woman and for the man in her place."""
