"""What people liked and did not like: adjectives, verbs and things, and short phrases that say one of both."""

GOOD_ADJECTIVES = (
    "amazing", "excellent", "brilliant", "superb", "fantastic", "wonderful", "delightful", "charming", "lovely",
    "perfect", "fine", "beautiful", "pleasant", "impressive", "outstanding", "splendid", "marvelous", "magnificent",
    "remarkable", "exceptional", "nice", "fabulous", "terrific", "incredible", "enjoyable", "inspiring", "fresh",
    "special", "stunning", "clever", "smart", "solid", "exciting", "interesting", "fun", "elegant", "refreshing",
    "touching", "warm", "rich", "thrilling", "satisfying", "memorable", "admirable", "glorious", "thoughtful",
    "sweet", "original", "friendly", "lively", "gorgeous", "first-rate", "worthwhile", "captivating", "heavenly",
    "inviting", "rewarding", "joyful", "magical", "pleasing", "super", "tasteful", "engaging", "ideal",
)  # fmt: skip
BAD_ADJECTIVES = (
    "awful", "horrible", "dreadful", "poor", "boring", "gross", "disappointing", "annoying", "ugly",
    "miserable", "weak", "unpleasant", "bland", "dull", "inferior", "lame", "inadequate", "ridiculous",
    "offensive", "unbearable", "cheap", "crude", "tedious", "stupid", "confusing", "painful", "harsh",
    "nasty", "shocking", "silly", "dumb", "flat", "frustrating", "irritating", "disturbing", "messy", "exhausting",
    "unacceptable", "cold", "empty", "upsetting", "absurd", "forgettable", "appalling", "chaotic", "careless",
    "bitter", "pointless", "hostile", "lifeless", "repulsive", "second-rate", "worthless", "mediocre", "hellish",
    "repellent", "wretched", "joyless", "grim", "displeasing", "useless", "tasteless", "uninteresting", "rotten",
)  # fmt: skip
"""One for each of `GOOD_ADJECTIVES`, in their order; neither list has a word that the sentiment task offers."""

GOOD_VERBS = ("loved", "adored", "praised", "admired")
BAD_VERBS = ("hated", "despised", "condemned", "criticized")

REVIEWED = ("movie", "book", "meal", "hotel", "concert", "play", "trip", "album", "restaurant", "game", "show", "story")

PRAISE_AND_BLAME = (
    ("a lovely film", "a boring film"),
    ("very tasty soup", "very salty soup"),
    ("friendly staff here", "rude staff here"),
    ("a great concert", "an awful concert"),
    ("clean quiet rooms", "dirty loud rooms"),
    ("she sang beautifully", "she sang terribly"),
    ("best day ever", "worst day ever"),
    ("a wonderful story", "a stupid story"),
    ("fast and helpful service", "slow and careless service"),
    ("the cake was delicious", "the cake was disgusting"),
    ("a perfect holiday", "a ruined holiday"),
    ("I loved every page", "I hated every page"),
    ("fresh warm bread", "stale hard bread"),
    ("a brilliant teacher", "a terrible teacher"),
    ("the jokes were funny", "the jokes were lame"),
    ("such a kind doctor", "such a mean doctor"),
    ("comfortable soft bed", "uncomfortable hard bed"),
    ("the phone works perfectly", "the phone keeps breaking"),
    ("a beautiful garden", "an ugly garden"),
    ("the music was superb", "the music was dreadful"),
    ("an exciting match", "a dull match"),
    ("excellent value", "poor value"),
    ("we had fun", "we felt miserable"),
    ("a charming little town", "a filthy little town"),
    ("the actors were brilliant", "the actors were hopeless"),
    ("I would come again", "I would never return"),
    ("a clever ending", "a silly ending"),
    ("the coffee is excellent", "the coffee is horrible"),
    ("he was very polite", "he was very rude"),
    ("a cozy clean hotel", "a cold dirty hotel"),
    ("worth every penny", "a waste of money"),
    ("the view is amazing", "the view is depressing"),
    ("what a pleasant evening", "what a painful evening"),
    ("the dog was happy", "the dog was sad"),
    ("our trip was fantastic", "our trip was awful"),
    ("a delightful play", "a tedious play"),
    ("they helped us gladly", "they ignored us rudely"),
    ("sweet ripe apples", "sour rotten apples"),
    ("the shoes fit perfectly", "the shoes hurt badly"),
    ("a warm welcome", "a cold welcome"),
    ("the lesson was great", "the lesson was bad"),
    ("I feel wonderful", "I feel terrible"),
)
"""Short phrases, good and bad ones, each pair about the same thing."""

SUBJECTS_OF_TALK = (
    ("sport", "food"),
    ("weather", "money"),
    ("music", "health"),
)
"""Which subjects of `CLAUSES` are told apart."""

CLAUSES = {
    "sport": (
        "the team won again", "he scored two goals", "a fast tennis match", "the runner was first",
        "she swims every race", "the coach picked players", "they lost the final", "the goalkeeper caught it",
        "a new world champion", "the cyclists climbed hills", "we played football today", "the referee blew loudly",
    ),
    "food": (
        "bake the bread slowly", "she cooked fresh soup", "a slice of cake", "boil rice with salt",
        "the pasta was ready", "he ate an apple", "they ordered fried fish", "add butter and flour",
        "a bowl of salad", "the cheese tastes strong", "we had pancakes today", "the kitchen smells sweet",
    ),
    "weather": (
        "it rained all day", "the wind was strong", "snow covered the hills", "a warm sunny morning",
        "thick fog this evening", "the storm is coming", "dark clouds hung low", "it froze last night",
        "a rainbow after showers", "the air felt humid", "thunder woke us up", "hail hit the roof",
    ),
    "money": (
        "she paid the bill", "the bank raised rates", "he saved ten dollars", "a loan with interest",
        "prices rose this year", "the shares fell sharply", "they owe high taxes", "it cost a fortune",
        "a salary for workers", "the budget was cut", "coins filled his purse", "rent is due tomorrow",
    ),
    "music": (
        "she plays the violin", "the band sang loudly", "a slow piano tune", "he wrote new songs",
        "the choir sings tonight", "they tuned their guitars", "a drum kept time", "the orchestra began softly",
        "we heard an opera", "the singer hummed quietly", "a trumpet solo followed", "the melody was sweet",
    ),
    "health": (
        "the nurse took blood", "he has a fever", "a pill for pain", "she broke her leg",
        "the doctor checked him", "they cured the disease", "a cough and cold", "the wound healed slowly",
        "we got a vaccine", "the patient slept well", "a dentist pulled teeth", "the hospital was full",
    ),
}  # fmt: skip
"""Clauses of four words, each about one subject."""
