"""Which head types a text names: proposals for a draft, phrases for a search. A person decides what is meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from survey_tools.knowledge.lookup import name_key
from survey_tools.knowledge.records import HeadType, HeadTypeUse

GENERAL_PHRASES = ("attention heads", "attention head")
"""What nearly every paper about heads says, whichever type it is about."""
_GENERAL = re.compile(r"(?i)\battention[\s-]+heads?\b")
_JOINT = r"[\s_‐–—-]*"
_HEAD = r"(?:attention[\s-]+)?heads?"
_LIST = re.compile(r"\s*(?:,\s*(?:and|or)\b|,|/|&|\band\b|\bor\b)\s*")
_REACH = 160
"""Characters before a `heads` in which the other members of its list are looked for."""
_SENTENCE = re.compile(
    r"(?i)\b(a|an|as|at|by|for|from|in|into|most|of|on|that|the|these|to|via|we|when|whereas|which|while|with)\b"
)
"""Words that no name of a head holds: a part with one of them is the sentence going on, and no member of a list."""
_MOST_WORDS = 5
"""Of a name inside a list."""


@dataclass(frozen=True)
class Proposal:
    """A head type that a text seems to name; `words` are the text's own."""

    id: str
    name: str
    words: str

    @property
    def use(self) -> HeadTypeUse:
        """How a draft lists it; the paper's name is kept where it is not ours."""
        said = name_key(re.sub(r"(?i)\battention[\s-]+(?=heads?$)", "", self.words))
        ours = name_key(self.name) in (said, said.removesuffix("s"))
        return HeadTypeUse(id=self.id, role="studies", name_used=None if ours else self.words)


class HeadNames:
    """The names and aliases of head types, found in running text.

    The longest name counts where several fit, case and plural do not matter, `name-mover` is `name mover`, and
    `induction and previous-token heads` names two. Capitals within a word, as in NMH or CoRe, must be there. A name
    that is one plain word without `head`, such as Writer, is not looked for: too many texts hold it.
    """

    def __init__(self, head_types: Iterable[HeadType], well_known: Collection[str] = ()) -> None:
        """`well_known` are ids of types whose every name is telling, such as `induction head`."""
        self._well_known = frozenset(well_known)
        self._names = {head_type.id: head_type.name for head_type in head_types}
        spelled = [(name, h.id) for h in head_types for name in (h.name, *h.aliases) if not _is_plain_word(name)]
        spelled.sort(key=lambda pair: (-len(pair[0]), pair))
        self._ids = [head_type for _, head_type in spelled]
        alternatives = "|".join(f"({_pattern(name)})" for name, _ in spelled)
        self._any = re.compile(rf"(?i)(?<![\w-])(?:{alternatives or '(?!)'})(?!\w)")
        self._stems = {name_key(name): (name, head_type) for name, head_type in spelled if _is_headed(name)}
        self._spelled = [name for name, _ in spelled]

    def find(self, text: str) -> tuple[Proposal, ...]:
        """Each head type that `text` names, once, in the order of the text."""
        found: dict[str, tuple[int, str]] = {}
        for place, head_type, words in sorted((*self._named(text), *self._listed(text))):
            found.setdefault(head_type, (place, words))
        return tuple(Proposal(head_type, self._names[head_type], words) for head_type, (_, words) in found.items())

    def search_phrases(self) -> tuple[str, ...]:
        """What to ask a search for: the general phrases, then every telling name in the plural, each once."""
        named = zip(self._spelled, self._ids, strict=True)
        telling = {f"{' '.join(_words(name))}s" for name, head_type in named if self._is_telling(name, head_type)}
        return (*GENERAL_PHRASES, *sorted(telling))

    def says_enough(self, proposal: Proposal) -> bool:
        """Whether the words of a proposal mean attention heads in any text, as `previous-token head` does.

        Detectors have a `detection head` and classifiers a `task head`, and an associative memory need not attend:
        names of one word, and those without `head`, mean a type only where a text speaks of attention heads.
        """
        return self._is_telling(proposal.words, proposal.id)

    def _is_telling(self, name: str, head_type: str) -> bool:
        return len(_words(name)) > 1 and (head_type in self._well_known or (_is_headed(name) and len(_words(name)) > 2))

    def _named(self, text: str) -> Iterator[tuple[int, str, str]]:
        for match in self._any.finditer(text):
            assert match.lastindex is not None  # every alternative is a group
            yield match.start(), self._ids[match.lastindex - 1], _singular(match[0])

    def _listed(self, text: str) -> Iterator[tuple[int, str, str]]:
        """Members of a list that share its last word: `induction` in `induction and previous-token heads`."""
        for heads in re.finditer(r"(?i)\bheads\b", text):
            clause = re.split(r"[.;:()]", text[max(0, heads.start() - _REACH) : heads.start()])[-1]
            start = heads.start() - len(clause)
            separators = list(_LIST.finditer(clause))
            if not separators or not _ends_a_list(separators[-1][0], clause[separators[-1].end() :]):
                continue
            ends = [separator.start() for separator in separators]
            begins = [0, *(separator.end() for separator in separators)]
            for begin, end in reversed(list(zip(begins, ends, strict=False))):
                member = self._member(clause[begin:end])
                if member is None:
                    break
                words, head_type = member
                yield start + end - len(words), head_type, f"{words} head"
                if words != clause[begin:end].strip():
                    break  # what stands before it is another part of the sentence

    def _member(self, part: str) -> tuple[str, str] | None:
        starts = [match.start() for match in re.finditer(r"\S+", part)][-_MOST_WORDS:]
        for begin in starts:
            name, head_type = self._stems.get(name_key(part[begin:]), ("", ""))
            if head_type and all(word in part for word in re.findall(r"\w+", name) if _has_inner_capitals(word)):
                return part[begin:].strip(), head_type
        return None


def names_heads(text: str) -> bool:
    """Whether a text speaks of attention heads at all."""
    return _GENERAL.search(text) is not None


def is_on_heads(title: str) -> bool:
    """Whether a title has heads in it, whichever; `multi-head`, `per-head` and `head-wise` say how, not what about."""
    return re.search(r"(?i)(?<![\w-])(?<!multi )heads?\b(?![-‐–]?wise)", title) is not None


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", name.casefold().replace("_", " "))


def _is_headed(name: str) -> bool:
    return _words(name)[-1:] == ["head"]


def _has_inner_capitals(word: str) -> bool:
    return word[1:] != word[1:].lower()


def _is_plain_word(name: str) -> bool:
    return len(_words(name)) == 1 and not _has_inner_capitals(name)


def _ends_a_list(separator: str, part: str) -> bool:
    """Whether a comma or an `and`, with what stands between it and `heads`, ends a list and not half a sentence."""
    return bool(separator.strip(" ,")) and _SENTENCE.search(part) is None


def _pattern(name: str) -> str:
    words = re.findall(r"\w+", name.replace("_", " "))
    *first, last = words
    if last.casefold() == "head":
        ending = _HEAD
    elif last.casefold().endswith("y"):
        ending = f"{re.escape(last[:-1])}(?:y|ies)"
    else:
        ending = f"{_word(last)}s?"
    return _JOINT.join((*map(_word, first), ending))


def _word(word: str) -> str:
    return f"(?-i:{re.escape(word)})" if _has_inner_capitals(word) else re.escape(word)


def _singular(words: str) -> str:
    plain = " ".join(words.split())
    return plain[:-1] if plain.casefold().endswith("heads") else plain
