"""Verbs with their past tense and nouns with their plural, every form another word than the first."""


def _pairs(lines: str) -> tuple[tuple[str, str], ...]:
    words = lines.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


PAST_TENSE = _pairs(
    """
    go went  see saw  take took  give gave  come came  make made  know knew  think thought  find found  tell told
    feel felt  leave left  keep kept  begin began  bring brought  write wrote  sit sat  stand stood  lose lost
    pay paid  meet met  run ran  buy bought  speak spoke  win won  teach taught  catch caught  fight fought
    sleep slept  eat ate  drink drank  sing sang  swim swam  fly flew  grow grew  throw threw  draw drew  drive drove
    ride rode  rise rose  break broke  choose chose  steal stole  wear wore  forget forgot  get got  hold held
    hear heard  say said  send sent  spend spent  build built  lend lent  sell sold  shoot shot  feed fed  lead led
    hide hid  bite bit  dig dug  hang hung  ring rang  sink sank  shake shook  wake woke  freeze froze  blow blew
    become became  understand understood  mean meant  sweep swept  do did  have had  seek sought  bend bent
    walk walked  talk talked  play played  work worked  call called  ask asked  look looked  want wanted
    help helped  turn turned  start started  show showed  move moved  live lived  believe believed  happen happened
    open opened  close closed  love loved  use used  need needed  try tried  carry carried  study studied  cry cried
    stop stopped  plan planned  jump jumped  kick kicked  cook cooked  clean cleaned  paint painted  visit visited
    listen listened  watch watched  wash washed  finish finished  push pushed  pull pulled  reach reached
    travel traveled  answer answered  offer offered  enjoy enjoyed  remember remembered  learn learned
    decide decided  arrive arrived  change changed  dance danced  smile smiled  save saved  share shared
    follow followed  allow allowed  add added  end ended  rain rained  laugh laughed  invite invited
    """
)
PLURALS = _pairs(
    """
    man men  woman women  child children  mouse mice  foot feet  tooth teeth  goose geese  person people  ox oxen
    wife wives  life lives  knife knives  leaf leaves  wolf wolves  half halves  thief thieves  shelf shelves
    calf calves  loaf loaves  city cities  country countries  story stories  baby babies  lady ladies  family families
    party parties  body bodies  army armies  enemy enemies  berry berries  penny pennies  box boxes  fox foxes
    bus buses  class classes  glass glasses  dress dresses  church churches  watch watches  bench benches  dish dishes
    brush brushes  potato potatoes  tomato tomatoes  hero heroes  crisis crises  analysis analyses  cactus cacti
    cat cats  dog dogs  house houses  car cars  book books  tree trees  table tables  chair chairs  river rivers
    mountain mountains  king kings  queen queens  bird birds  horse horses  cow cows  apple apples  egg eggs
    friend friends  teacher teachers  student students  school schools  village villages  street streets
    road roads  bridge bridges  door doors  window windows  wall walls  garden gardens  flower flowers  star stars
    planet planets  letter letters  word words  number numbers  picture pictures  song songs  game games  ball balls
    ship ships  boat boats  train trains  plane planes  island islands  ocean oceans  lake lakes  hand hands
    finger fingers  arm arms  leg legs  eye eyes  ear ears  boy boys  girl girls  brother brothers  sister sisters
    day days  week weeks  month months  year years  hour hours  minute minutes  animal animals  insect insects
    farmer farmers  doctor doctors  soldier soldiers  artist artists  writer writers  cup cups  plate plates
    spoon spoons  bottle bottles  key keys  clock clocks  machine machines  computer computers  phone phones
    pencil pencils  shoe shoes  hat hats  coat coats  ring rings  idea ideas  dream dreams  question questions
    """
)
