"""English words with their everyday Spanish and French translations; French spelled as in English is left out."""


def _triples(lines: str) -> tuple[tuple[str, str, str], ...]:
    words = lines.split()
    return tuple(zip(words[::3], words[1::3], words[2::3], strict=True))


WORDS = _triples(
    """
    house casa maison  dog perro chien  cat gato chat  water agua eau  bread pan pain  milk leche lait
    book libro livre  tree árbol arbre  flower flor fleur  sun sol soleil  moon luna lune  star estrella étoile
    night noche nuit  day día jour  week semana semaine  month mes mois  year año année  man hombre homme
    woman mujer femme  boy niño garçon  girl niña fille  father padre père  mother madre mère  brother hermano frère
    sister hermana sœur  friend amigo ami  king rey roi  queen reina reine  city ciudad ville  street calle rue
    door puerta porte  window ventana fenêtre  table mesa table  chair silla chaise  bed cama lit
    kitchen cocina cuisine  bridge puente pont  church iglesia église  school escuela école  river río rivière
    sea mar mer  mountain montaña montagne  island isla île  forest bosque forêt  sky cielo ciel  rain lluvia pluie
    snow nieve neige  wind viento vent  fire fuego feu  earth tierra terre  stone piedra pierre  gold oro or
    silver plata argent  iron hierro fer  horse caballo cheval  cow vaca vache  bird pájaro oiseau  fish pez poisson
    apple manzana pomme  egg huevo œuf  cheese queso fromage  wine vino vin  sugar azúcar sucre  salt sal sel
    meat carne viande  hand mano main  head cabeza tête  eye ojo œil  mouth boca bouche  heart corazón cœur
    blood sangre sang  foot pie pied  arm brazo bras  leg pierna jambe  nose nariz nez  ear oreja oreille
    red rojo rouge  blue azul bleu  green verde vert  white blanco blanc  black negro noir  yellow amarillo jaune
    big grande grand  small pequeño petit  new nuevo nouveau  good bueno bon  happy feliz heureux  sad triste triste
    hot caliente chaud  cold frío froid  one uno un  two dos deux  three tres trois  four cuatro quatre
    five cinco cinq  eight ocho huit  ten diez dix  hundred cien cent  spring primavera printemps  summer verano été
    winter invierno hiver  morning mañana matin  world mundo monde  war guerra guerre  peace paz paix
    money dinero argent  time tiempo temps  work trabajo travail  game juego jeu  word palabra mot  key llave clé
    knife cuchillo couteau  glass vaso verre  shoe zapato chaussure  shirt camisa chemise  hat sombrero chapeau
    ship barco bateau  train tren train  eat comer manger  drink beber boire  sleep dormir dormir  speak hablar parler
    write escribir écrire  read leer lire  sing cantar chanter  buy comprar acheter  open abrir ouvrir
    """
)
SPANISH = tuple((english, spanish) for english, spanish, _ in WORDS)
FRENCH = tuple((english, french) for english, _, french in WORDS if french != english)
