"""Relations, and facts that are certain: subject, then attribute. Common knowledge, none of it bound to a date.

A frame marks the words that name the relation; it ends where the attribute follows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """Facts of one kind, and five ways to say them."""

    name: str
    frames: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    letters: int = 1
    """Attributes offered together differ in so many first letters."""


def _facts(lines: str) -> tuple[tuple[str, str], ...]:
    """`subject: attribute, subject: attribute`, and `subject / subject: attribute` where several share one."""
    pairs = []
    for entry in " ".join(lines.split()).split(","):
        subjects, attribute = entry.split(":")
        pairs += [(subject.strip(), attribute.strip()) for subject in subjects.split("/")]
    return tuple(pairs)


CAPITAL = Relation(
    "capital of a country",
    (
        "The {relation:capital} of {subject} is",
        "The {relation:capital city} of {subject} is",
        "{subject} has a {relation:capital city} that is called",
        "On the map, the {relation:capital} of {subject} is marked as",
        "The government of {subject} sits in the {relation:capital},",
    ),
    _facts(
        """France: Paris, Italy: Rome, Spain: Madrid, Germany: Berlin, England: London, Japan: Tokyo, China: Beijing,
        Russia: Moscow, Greece: Athens, Egypt: Cairo, Austria: Vienna, Portugal: Lisbon, Ireland: Dublin,
        Poland: Warsaw, Norway: Oslo, Sweden: Stockholm, Finland: Helsinki, Denmark: Copenhagen, Hungary: Budapest,
        Canada: Ottawa, Cuba: Havana, Peru: Lima, Kenya: Nairobi, Iraq: Baghdad, Iran: Tehran, Lebanon: Beirut,
        Ukraine: Kyiv, Belgium: Brussels, Australia: Canberra, Thailand: Bangkok, Venezuela: Caracas, Syria: Damascus"""
    ),
)
CITY_COUNTRY = Relation(
    "country of a city",
    (
        "{subject} is a {relation:city in the country} of",
        "The {relation:city} of {subject} lies {relation:in}",
        "{subject} is one of the largest {relation:cities in}",
        "People who live in {subject} are at {relation:home in}",
        "The roads around {subject} {relation:cross the country} of",
    ),
    _facts(
        """
        Barcelona: Spain, Milan: Italy, Munich: Germany, Osaka: Japan, Mumbai: India, Shanghai: China, Melbourne:
        Australia, Toronto: Canada, Istanbul: Turkey, Karachi: Pakistan, Casablanca: Morocco, Marseille: France,
        Manchester: England, Glasgow: Scotland, Porto: Portugal, Antwerp: Belgium, Zurich: Switzerland, Salzburg:
        Austria, Krakow: Poland, Bergen: Norway, Gothenburg: Sweden, Guadalajara: Mexico, Medellin: Colombia,
        Mombasa: Kenya, Alexandria: Egypt, Thessaloniki: Greece
        """
    ),
)
LANGUAGE = Relation(
    "language of a country",
    (
        "The national {relation:language} of {subject} is",
        "People in {subject} {relation:speak}",
        "The main {relation:language spoken} in {subject} is",
        "In {subject}, children {relation:learn to read} in",
        "Newspapers in {subject} are {relation:written} in",
    ),
    _facts(
        """Cuba / Ecuador / Spain / Colombia: Spanish, Egypt / Iraq / Jordan / Kuwait: Arabic, Austria / Germany:
        German, Brazil / Portugal: Portuguese, France / Monaco: French, Italy: Italian, Japan: Japanese, China:
        Chinese, Russia: Russian, Greece: Greek, Turkey: Turkish, Poland: Polish, Sweden: Swedish, Denmark: Danish,
        Hungary: Hungarian, Australia / England: English, Norway: Norwegian, Iran: Persian, Thailand: Thai,
        Vietnam: Vietnamese, Iceland: Icelandic, Bulgaria: Bulgarian"""
    ),
    letters=2,
)
CURRENCY = Relation(
    "currency of a country",
    (
        "The {relation:currency} of {subject} is the",
        "The {relation:money} of {subject} is called the",
        "Shops in {subject} show their {relation:prices} in the national currency, the",
        "People in {subject} {relation:pay} with the",
        "Banks in {subject} {relation:lend} money in the local currency, the",
    ),
    _facts(
        """Japan: yen, China: yuan, India: rupee, Russia: ruble, Mexico: peso, Brazil: real, Thailand: baht,
        Vietnam: dong, Poland: zloty, Sweden: krona, Turkey: lira, Israel: shekel, Switzerland: franc,
        Hungary: forint, Norway: krone, Malaysia: ringgit, Indonesia: rupiah, Bangladesh: taka,
        Nigeria: naira, Ghana: cedi, Kenya: shilling, Iraq: dinar, Canada: dollar, Ukraine: hryvnia"""
    ),
)
CONTINENT = Relation(
    "continent of a country",
    (
        "{subject} is a country on the {relation:continent} of",
        "{subject} lies on the {relation:continent} of",
        "The {relation:continent} that {subject} belongs to is",
        "On a map of the world, {subject} is {relation:part} of",
        "The country of {subject} is {relation:found} in",
    ),
    _facts(
        """
        France / Poland / Italy / Norway / Hungary / Portugal / Belgium: Europe, Kenya / Nigeria / Ghana / Morocco /
        Algeria / Uganda / Zambia: Africa, Japan / China / India / Thailand / Vietnam / Nepal / Mongolia: Asia,
        Brazil / Peru / Chile / Argentina / Bolivia / Colombia / Uruguay: South America, Canada / Mexico / Cuba /
        Guatemala / Honduras / Jamaica / Panama: North America
        """
    ),
    letters=2,
)
STATE_CAPITAL = Relation(
    "capital of a state of the USA",
    (
        "The {relation:state capital} of {subject} is",
        "The {relation:capital} of the state of {subject} is",
        "In the state of {subject}, the {relation:capital city} is",
        "The governor of {subject} works in the {relation:state capital},",
        "Lawmakers of {subject} meet in the {relation:capital} of the state,",
    ),
    _facts(
        """Texas: Austin, California: Sacramento, Georgia: Atlanta, Colorado: Denver, Arizona: Phoenix, Massachusetts:
        Boston, Hawaii: Honolulu, Ohio: Columbus, Tennessee: Nashville, Oregon: Salem, Florida: Tallahassee, Virginia:
        Richmond, Kansas: Topeka, Nebraska: Lincoln, Montana: Helena, Idaho: Boise, Nevada: Carson City, Michigan:
        Lansing, Wisconsin: Madison, Indiana: Indianapolis, Illinois: Springfield, Pennsylvania: Harrisburg,
        Alaska: Juneau, Maine: Augusta, Maryland: Annapolis, Kentucky: Frankfort, Mississippi: Jackson"""
    ),
)
LANDMARK = Relation(
    "city of a landmark",
    (
        "The {subject} is in the {relation:city} of",
        "The {subject} can be {relation:found in}",
        "To see the {subject}, {relation:travel} to",
        "The {subject} is a famous {relation:sight of}",
        "Visitors of the {subject} {relation:book a hotel} in",
    ),
    _facts(
        """
        Eiffel Tower: Paris, Brandenburg Gate: Berlin, Tower Bridge: London, Red Square: Moscow, Sagrada Familia:
        Barcelona, Charles Bridge: Prague, Rialto Bridge: Venice, Taj Mahal: Agra, Forbidden City: Beijing, Burj
        Khalifa: Dubai, Hagia Sophia: Istanbul, Space Needle: Seattle, Willis Tower: Chicago, CN Tower: Toronto,
        White House: Washington, Trevi Fountain: Rome, Kremlin: Moscow, Colosseum: Rome, Louvre: Paris, Acropolis:
        Athens, Alhambra: Granada, Uffizi: Florence, Atomium: Brussels, Prado: Madrid, Parthenon: Athens
        """
    ),
)
PROFESSION = Relation(
    "profession of a historic person",
    (
        "By profession, {subject} {relation:worked} as a",
        "In history, {subject} is {relation:known} as a great",
        "{subject} became {relation:famous} as a",
        "Many books say that {subject} was by {relation:occupation} a",
        "Students learn that {subject} made a {relation:career} as a",
    ),
    _facts(
        """Claude Monet / Pablo Picasso / Paul Cezanne / Edouard Manet / Johannes Vermeer / Henri Matisse: painter,
        Johann Bach / Franz Schubert / Joseph Haydn / Antonio Vivaldi / Johannes Brahms / Giuseppe Verdi: composer,
        Immanuel Kant / David Hume / Thomas Hobbes / Baruch Spinoza / Georg Hegel / Arthur Schopenhauer: philosopher,
        Albert Einstein / Niels Bohr / Max Planck / Werner Heisenberg / Enrico Fermi / Erwin Schrodinger: physicist,
        John Keats / Emily Dickinson / William Wordsworth / Walt Whitman / Robert Frost / Lord Byron: poet"""
    ),
    letters=3,
)
BIRTH_COUNTRY = Relation(
    "home country of a historic person",
    (
        "{subject} was {relation:born in}",
        "{subject} {relation:came from}",
        "The {relation:home country} of {subject} was",
        "The book lists {subject} among the people {relation:born in}",
        "The {relation:birthplace} of {subject} lies in",
    ),
    _facts(
        """
        Jean Sibelius: Finland, Joseph Haydn / Franz Schubert: Austria, Carl Linnaeus / Alfred Nobel: Sweden,
        Miguel Cervantes / Pablo Picasso / Francisco Goya: Spain, Dante Alighieri / Galileo Galilei: Italy,
        William Shakespeare / Isaac Newton / Charles Dickens: England, Mahatma Gandhi / Rabindranath Tagore: India,
        Pyotr Tchaikovsky / Leo Tolstoy / Anton Chekhov: Russia, Victor Hugo / Claude Monet / Louis Pasteur: France,
        Edvard Grieg / Henrik Ibsen: Norway, Johann Goethe / Ludwig Beethoven / Martin Luther: Germany,
        Frederic Chopin / Marie Curie: Poland
        """
    ),
    letters=2,
)
AUTHOR = Relation(
    "author of a book",
    (
        "{subject} was {relation:written by}",
        "The {relation:author of} {subject} is",
        "The {relation:writer} who gave us {subject} was",
        "{subject} is a famous {relation:work by}",
        "On the cover of {subject} stands the {relation:name of its author},",
    ),
    _facts(
        """
        Hamlet: William Shakespeare, Ulysses: James Joyce, Dracula: Bram Stoker, Frankenstein: Mary Shelley, Emma:
        Jane Austen, Faust: Johann Wolfgang von Goethe, Candide: Voltaire, Walden: Henry David Thoreau, Middlemarch:
        George Eliot, Siddhartha: Hermann Hesse, Dubliners: James Joyce, Macbeth: William Shakespeare, Leviathan:
        Thomas Hobbes, Utopia: Thomas More, Animal Farm: George Orwell, Moby Dick: Herman Melville, Robinson Crusoe:
        Daniel Defoe, Jane Eyre: Charlotte Bronte, Wuthering Heights: Emily Bronte, Oliver Twist: Charles Dickens,
        Don Quixote: Miguel de Cervantes, Anna Karenina: Leo Tolstoy, Madame Bovary: Gustave Flaubert, Treasure
        Island: Robert Louis Stevenson, Les Miserables: Victor Hugo
        """
    ),
)
ANIMAL_CLASS = Relation(
    "class of an animal",
    (
        "In biology, the {subject} {relation:belongs} to the",
        "The {subject} is {relation:one of} the",
        "Scientists {relation:count} the {subject} among the",
        "A book about the {subject} stands on the {relation:shelf} with the",
        "In the museum, the {subject} is in the {relation:room} of the",
    ),
    _facts(
        """
        dog / horse / elephant / whale / bat / kangaroo: mammals, eagle / owl / penguin / sparrow / parrot /
        ostrich: birds, salmon / trout / tuna / shark / carp / herring: fish, lizard / snake / crocodile / turtle /
        alligator / gecko: reptiles, ant / bee / beetle / butterfly / mosquito / grasshopper: insects, frog / toad /
        salamander / newt: amphibians
        """
    ),
)
RELATIONS = (
    CAPITAL,
    CITY_COUNTRY,
    LANGUAGE,
    CURRENCY,
    CONTINENT,
    STATE_CAPITAL,
    LANDMARK,
    PROFESSION,
    BIRTH_COUNTRY,
    AUTHOR,
    ANIMAL_CLASS,
)
PLACES = (CAPITAL, CITY_COUNTRY, LANGUAGE, CURRENCY, CONTINENT, LANDMARK)
"""Facts about places, so that a false statement in a prompt is about no person."""
