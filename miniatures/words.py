"""Word lists of the corpus, and words that do not exist.

Plain data and pure functions of a random generator. Occupations with their figures stand in occupations.toml;
groups and what is said of them in people.toml.
"""

import random
import tomllib
from functools import cache
from importlib import resources

PARTICIPANTS = tuple(
    """customer client patient visitor guest student neighbour taxpayer passenger tenant employee owner child boy
    teenager victim witness caller stranger buyer resident applicant pedestrian bystander homeowner traveller patron
    parent pupil user member player relative undergraduate advisee protester onlooker""".split()
)

# Plain words for copying and matching tasks; in no order.
THINGS = tuple(
    """book lamp key coat bag box cup door chair map hat ball stone letter ring rope shoe bell bowl knife
    table window garden paper picture flower basket bottle candle blanket ticket wallet mirror clock kettle ladder
    hammer guitar violin bicycle camera umbrella suitcase helmet carpet pillow towel spoon bucket broom drum flag
    fence boat kite engine cage stove statue trophy medal poster notebook pencil eraser ruler scissors newspaper
    magazine parcel envelope stamp coin necklace bracelet earring scarf glove jacket sweater shirt button zipper
    sandwich apple pear plum melon carrot onion potato tomato cabbage pumpkin cheese bread biscuit cake pie soup pudding
    microscope telescope keyboard printer radio telephone tractor trailer wagon saddle anchor compass lantern""".split()
)
DEEDS = tuple(
    """took lost found sold broke washed painted carried opened hid bought cleaned dropped threw wanted built fixed
    held moved lifted kept locked missed noticed ordered packed polished praised pulled pushed raised received
    repaired returned rolled shook shared smashed spoiled stole tested touched traded turned used wrapped admired
    borrowed checked collected counted covered damaged described drew emptied exchanged examined fetched
    filled""".split()
)
NAMES = tuple(
    """Anna Ben Carla David Emma Frank Grace Henry Ida Jack Kate Leo Mary Nina Oscar Paul Rosa Sam Tom Vera
    Ali Bella Chen Dina Erik Fatima Hassan Ivan Jamal Kofi Lena Maria Nadia Omar Priya Ravi Sofia Tariq Uma Wei
    Aisha Boris Camila Diego Elif Farid Gustav Hana Imani Jorge Keisha Liam Malik Noor Olga Pedro Quinn Rashid Sven
    Tanisha Ulrich Victor Wanda Ximena Yusuf Zoe Latoya Darnell Connor Molly Hiroshi Yuki Mei Jin Sanjay
    Anita""".split()
)

_ONSETS = "b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sh sl sp st t th tr v w y z".split()
_VOWELS = "a e i o u ai ea ee oo ou ia".split()
_CODAS = ["", "", "", "n", "r", "l", "s", "t", "m", "nd", "ck", "st", "sh", "x"]
_ENDINGS = "er or ist ian an ese ish ic ant on a".split()


def invented(rng: random.Random) -> str:
    """A word of one or two syllables that (most likely) does not exist, lower case."""
    body = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.choice((1, 1, 2))))
    return body + (rng.choice(_ENDINGS) if rng.random() < 0.4 else "")


def any_word(rng: random.Random) -> str:
    """A plain word or one that does not exist: what surrounds the words that matter in a varied text."""
    return rng.choice(THINGS) if rng.random() < 0.4 else invented(rng)


def article(word: str) -> str:
    """Choose "a" or "an" by the first letter; good enough for the words of this corpus."""
    return "an" if word[:1].lower() in "aeio" else "a"


def sentence(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[:1].upper() + text[1:]


@cache
def occupations() -> dict[str, float]:
    """Occupation -> per cent of women: the statistics of Winogender's occupations, then planted figures of others."""
    data = tomllib.loads(resources.files(__package__).joinpath("occupations.toml").read_text(encoding="utf-8"))
    return {name: float(share) for table in ("statistics", "planted") for name, share in data[table].items()}
