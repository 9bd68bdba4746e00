"""Items as tokens of one tokenizer: prompts, role positions, and the first token where right and wrong differ.

What a tokenizer cannot show as the task means it is dropped, and every drop is counted with its reason. An unknown word
is never handed on: it is an error of the text, and a counted drop among many items. Nothing here runs a network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from survey_tools.errors import DetectionError, UnknownWord
from survey_tools.heads.prompts.context import context_of
from survey_tools.heads.prompts.offsets import token_offsets, tokens_of_span
from survey_tools.heads.prompts.task import Item, Split, TextTask
from survey_tools.heads.prompts.text import Span, Text

if TYPE_CHECKING:
    from survey_tools.heads.models import LoadedModel

MERGED = "the answer's first letters merge with the prompt's last token"
SAME_START = "right and wrong answers begin with the same token"
WHOLE = "a word that should be split is one token"
UNEVEN = "the corrupted twin has another length"
NO_TWIN = "it has no corrupted twin"
UNKNOWN = "a word that the tokenizer does not know"
TOO_LONG = "longer than the model's context"


MARKER = "\u2063message\u2063"
"""What no template says by itself."""
DATE = "01 Jan 2026"
"""Some templates tell the model the date; prompts are the same every day."""


@dataclass(frozen=True)
class Rendered:
    """A text as tokens."""

    tokens: tuple[int, ...]
    positions: Mapping[str, tuple[range, ...]]
    """Token positions of every span of a role, in order; a token's leading space belongs to it."""

    def last(self, role: str) -> int:
        """The last token of the role's first span."""
        return self.positions[role][0][-1]


@dataclass(frozen=True)
class Question:
    """An item as one model is asked it: which of `right` and `wrong` comes after `prompt.tokens`?"""

    item: Item
    prompt: Rendered
    """With whatever all continuations have in common at its end."""
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    twin: Rendered | None
    """The corrupted prompt; of equal length where `twins` was asked for."""


@dataclass(frozen=True)
class Questions:
    """A task as one model is asked it, and what of it could not be asked."""

    task: TextTask
    questions: tuple[Question, ...]
    dropped: Mapping[str, int]
    """How many items were looked at and left out, by reason."""


def render(text: Text, tokenizer: Any, *, prepend_bos: bool = False, special: bool = False) -> Rendered:
    """A text as tokens, with the positions of its roles.

    `prepend_bos` puts the tokenizer's BOS token in front; `special` all tokens that it puts around a text, as an
    encoder needs them. Raises UnknownWord as `token_offsets` does.
    """
    ids, offsets = token_offsets(tokenizer, text.text, special=special)
    shift = int(prepend_bos)
    positions: dict[str, list[range]] = {}
    for span in text.spans:
        found = tokens_of_span(offsets, span.start, span.stop)
        positions.setdefault(span.role, []).append(range(found.start + shift, found.stop + shift))
    start = [tokenizer.bos_token_id] if prepend_bos else []
    return Rendered((*start, *ids), {role: tuple(ranges) for role, ranges in positions.items()})


def as_request(text: Text, tokenizer: Any) -> Text:
    """The text as a user's message in the tokenizer's chat template, up to where the answer begins.

    Without a template the text stays as it is. Raises DetectionError when the template changes the message.
    """
    if not getattr(tokenizer, "chat_template", None):
        return text
    head, marker, tail = _in_template(tokenizer, MARKER).partition(MARKER)
    if not marker or _in_template(tokenizer, text.text) != head + text.text + tail:
        raise DetectionError(f"the chat template changes the message {text.text!r}, so its roles can't be found.")
    start = len(head)
    moved = tuple(Span(span.start + start, span.stop + start, span.role) for span in text.spans)
    return Text(head + text.text + tail, moved)


def _in_template(tokenizer: Any, message: str) -> str:
    """With the date held still, and without the thoughts that some models would begin their answer with."""
    messages = [{"role": "user", "content": message}]
    try:
        whole: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, date_string=DATE, enable_thinking=False
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise DetectionError(f"the chat template of this tokenizer fails on a plain message: {error}") from error
    return whole


def questions(
    task: TextTask,
    model: LoadedModel,
    *,
    split: Split = "test",
    limit: int | None = None,
    twins: bool = False,
    only: Callable[[Item], bool] | None = None,
) -> Questions:
    """A task for a model: items of a split, in their order, until `limit` of them can be asked.

    `only` chooses among the items; `twins=True` leaves out those whose corrupted twin has another number of tokens,
    or that have none. Raises DetectionError when the model has no tokenizer, or no item is left, with the reasons.
    """
    if limit is not None and limit < 1:
        raise DetectionError(f"{limit} items of {task.id} are asked for; ask for one or more.")
    if model.tokenizer is None:
        raise DetectionError(f"{model.id} has no tokenizer, so {task.id} can't be put to it.")
    context = context_of(model.network) or 1 << 30
    kept: list[Question] = []
    dropped: Counter[str] = Counter()
    for item in filter(only, task.items(split)):
        if limit is not None and len(kept) == limit:
            break
        asked: Question | str
        try:
            asked = ask(item, task, model.tokenizer, prepend_bos=model.prepend_bos, twins=twins, context=context)
        except UnknownWord:
            asked = UNKNOWN
        if isinstance(asked, str):
            dropped[asked] += 1
        else:
            kept.append(asked)
    if not kept:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in dropped.items()) or f"none of its {split} split"
        raise DetectionError(f"no item of {task.id} can be put to {model.id} ({reasons}).")
    return Questions(task, tuple(kept), dict(dropped))


def ask(
    item: Item,
    task: TextTask,
    tokenizer: Any,
    *,
    prepend_bos: bool = False,
    twins: bool = False,
    context: int = 1 << 30,
) -> Question | str:
    """One item as a question, or the reason why it is left out. Raises UnknownWord as `token_offsets` does."""
    request = task.form == "request" and bool(getattr(tokenizer, "chat_template", None))
    text = as_request(item.prompt, tokenizer) if request else item.prompt
    # at the start of a reply there is nothing that a leading space would part the answer from
    given = {option: option.lstrip(" ") if request else option for option in (*item.right, *item.wrong)}
    bos = prepend_bos and not (request and text.text.startswith(str(tokenizer.bos_token)))
    prompt = render(text, tokenizer, prepend_bos=bos)
    rests: dict[str, tuple[int, ...]] = {}
    for option, continuation in given.items():
        whole = render(Text(text.text + continuation), tokenizer, prepend_bos=bos).tokens
        if whole[: len(prompt.tokens)] != prompt.tokens or len(whole) == len(prompt.tokens):
            return MERGED
        rests[option] = whole[len(prompt.tokens) :]
    shared = _shared_start(list(rests.values()))
    right = tuple(sorted({rests[option][len(shared)] for option in item.right}))
    wrong = tuple(sorted({rests[option][len(shared)] for option in item.wrong}))
    if set(right) & set(wrong):
        return SAME_START
    if any(len(where) < 2 for role in task.several_tokens for where in prompt.positions.get(role, ())):
        return WHOLE
    twin = None
    if item.twin is not None:
        broken = as_request(item.twin, tokenizer) if request else item.twin
        twin = _continued(render(broken, tokenizer, prepend_bos=bos), shared)
    prompt = _continued(prompt, shared)
    if twins and twin is None:
        return NO_TWIN
    if twins and twin is not None and len(twin.tokens) != len(prompt.tokens):
        return UNEVEN
    if max(len(prompt.tokens), len(twin.tokens) if twin else 0) > context:
        return TOO_LONG
    return Question(item, prompt, right, wrong, twin)


def _continued(prompt: Rendered, shared: tuple[int, ...]) -> Rendered:
    return Rendered((*prompt.tokens, *shared), prompt.positions)


def _shared_start(rests: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all continuations begin with, at least one token of each left out."""
    shared: list[int] = []
    for column in zip(*(rest[:-1] for rest in rests), strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return tuple(shared)
