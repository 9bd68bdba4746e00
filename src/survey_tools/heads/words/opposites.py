"""Words and their opposites, no word in two pairs; of two words the first is the one that is asked."""


def _pairs(lines: str) -> tuple[tuple[str, str], ...]:
    words = lines.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


OPPOSITES = _pairs(
    """
    hot cold  big small  wet dry  early late  fast slow  high low  long short  old young  rich poor  hard soft
    light dark  strong weak  good bad  happy sad  open closed  full empty  thick thin  wide narrow  deep shallow
    heavy lightweight  clean dirty  loud quiet  near far  up down  left right  in out  above below
    before after  first last  begin end  push pull  give take  buy sell  win lose  love hate  live die
    arrive depart  enter exit  remember forget  laugh cry  ask answer  teach learn  add subtract
    multiply divide  increase decrease  accept reject  allow forbid  attack defend  build destroy
    borrow lend  sink float  rise fall  sit stand  sleep wake  speak listen  work rest  north south
    east west  day night  morning evening  summer winter  war peace  friend enemy  king queen  man woman
    boy girl  father mother  brother sister  husband wife  uncle aunt  son daughter  heaven hell  success failure
    truth lie  beauty ugliness  health sickness
    top bottom  front back  inside outside  positive negative  active passive  public private  simple complex
    easy difficult  cheap expensive  safe dangerous  smooth rough  sharp blunt  sweet bitter  tight loose
    brave cowardly  polite rude  generous stingy  patient impatient  honest dishonest  possible impossible
    visible invisible  legal illegal  same different  true false  alive dead  ancient modern  guilty innocent
    maximum minimum  major minor  more less  always never  everything nothing  everybody nobody
    yes no  black white  male female  senior junior  odd even  vertical horizontal  internal external
    temporary permanent  natural artificial  optimistic pessimistic  import export  solid liquid  straight crooked
    fresh stale  wild tame  raw cooked  absent present
    """
)
