"""Rules between files: ids that must exist, things that may be said once, relations without a circle.

Each rule is a generator of findings and belongs in `RULES`: add yours there. Those of `background/` and of other
naming schemes are in `background_references.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from survey_tools.knowledge import background_references
from survey_tools.knowledge.findings import Finding, Rule, head_type_ids, paper_ids, place
from survey_tools.knowledge.identifiers import ids_and_keys
from survey_tools.knowledge.kinds import CIRCUIT, FRAMEWORK, FRAMEWORK_ID, HEAD_TYPE, MODEL, PAPER
from survey_tools.knowledge.load import Entries
from survey_tools.knowledge.lookup import did_you_mean, name_key
from survey_tools.knowledge.problems import FieldPath, Problem
from survey_tools.knowledge.records import HeadType


def reference_problems(entries: Entries) -> list[Problem]:
    """Every breach of the rules between files."""
    return place(entries, (finding for rule in RULES for finding in rule(entries)))


def _ids_in_papers(entries: Entries) -> Iterator[Finding]:
    ids = head_type_ids(entries, awaited=True)
    for paper in entries.papers.values():
        said: set[str] = set()
        for i, use in enumerate(paper.head_types):
            yield from ids.missing(PAPER, paper.id, ("head_types", i, "id"), use.id)
            if use.id in said:
                yield Finding(PAPER, paper.id, ("head_types", i, "id"), f"'{use.id}' is listed twice")
            said.add(use.id)
        for i, head in enumerate(paper.heads):
            if head.head_type is not None:
                yield from ids.missing(PAPER, paper.id, ("heads", i, "head_type"), head.head_type)


def _ids_in_circuits(entries: Entries) -> Iterator[Finding]:
    papers = paper_ids(entries)
    types = head_type_ids(entries, awaited=True)
    for circuit in entries.circuits.values():
        yield from papers.missing(CIRCUIT, circuit.id, ("paper",), circuit.paper)
        for i, group in enumerate(circuit.heads):
            if group.head_type is not None:
                yield from types.missing(CIRCUIT, circuit.id, ("heads", i, "head_type"), group.head_type)


def _ids_in_framework(entries: Entries) -> Iterator[Finding]:
    framework = entries.framework
    if framework is None:
        return
    papers = paper_ids(entries)
    yield from papers.missing(FRAMEWORK, FRAMEWORK_ID, ("source",), framework.source)
    written = head_type_ids(entries, awaited=False)
    known = head_type_ids(entries, awaited=True)
    places: dict[str, str] = {}
    for s, stage in enumerate(framework.stages):
        for c, category in enumerate(stage.categories):
            for h, head in enumerate(category.heads):
                where = ("stages", s, "categories", c, "heads", h)
                if head not in known.known:
                    hint = did_you_mean(head, known.known) or "add its entry, or list it under awaited"
                    yield Finding(FRAMEWORK, FRAMEWORK_ID, where, f"no head type has the id '{head}'", hint)
                if head in places:
                    message = f"'{head}' already stands under {places[head]}"
                    yield Finding(FRAMEWORK, FRAMEWORK_ID, where, message, "a type has one place")
                places.setdefault(head, f"{stage.id}, {category.name}")
    for i, head in enumerate(framework.awaited):
        if head in written.known:
            message = f"'{head}' has an entry: {HEAD_TYPE.path(head)}"
            yield Finding(FRAMEWORK, FRAMEWORK_ID, ("awaited", i), message, "remove it from awaited")


def _one_paper_an_identifier(entries: Entries) -> Iterator[Finding]:
    owners: dict[tuple[str, str], str] = {}
    for paper in entries.papers.values():
        for field, value, (scheme, known) in ids_and_keys(paper):
            owner = owners.setdefault((scheme, known.casefold()), paper.id)
            if owner != paper.id:
                message = f"'{value}' already belongs to {PAPER.path(owner)}"
                yield Finding(PAPER, paper.id, ("ids", field), message, "one file a paper: merge the two")


def _one_head_type_a_name(entries: Entries) -> Iterator[Finding]:
    owners: dict[str, tuple[str, str]] = {}
    for claimant, field_path, name in _claimed_names(entries.head_types.values()):
        owner, spelling = owners.setdefault(name_key(name), (claimant, name))
        if owner != claimant:
            as_written = "" if spelling == name else f" (as '{spelling}')"
            message = f"'{name}' already names {HEAD_TYPE.path(owner)}{as_written}"
            hint = "a name leads to one type: drop one, or say confused_with under relations"
            yield Finding(HEAD_TYPE, claimant, field_path, message, hint)


def _claimed_names(head_types: Collection[HeadType]) -> Iterator[tuple[str, FieldPath, str]]:
    """Ids, then names, then aliases: who takes another type's name as an alias is the one at fault."""
    for head_type in head_types:
        yield head_type.id, ("id",), head_type.id
    for head_type in head_types:
        yield head_type.id, ("name",), head_type.name
    for head_type in head_types:
        for i, alias in enumerate(head_type.aliases):
            yield head_type.id, ("aliases", i), alias


_SYMMETRIC = ("composes_with", "confused_with", "resembles")


def _relations(entries: Entries) -> Iterator[Finding]:
    ids = head_type_ids(entries, awaited=False)
    said: dict[tuple[str, str, str], str] = {}  # a relation, and the type that wrote it first
    for head_type in entries.head_types.values():
        for i, relation in enumerate(head_type.relations):
            where = ("relations", i, "id")
            yield from ids.missing(HEAD_TYPE, head_type.id, where, relation.id)
            ends = (head_type.id, relation.id)
            if head_type.id == relation.id:
                if relation.kind != "variant_of":  # that one is reported as the shortest circle
                    yield Finding(HEAD_TYPE, head_type.id, where, "relates the type to itself")
                continue
            first, second = sorted(ends) if relation.kind in _SYMMETRIC else ends
            key = (relation.kind, first, second)
            if key in said:
                message = f"{relation.kind} {relation.id} is already written in {HEAD_TYPE.path(said[key])}"
                hint = "write a relation on one side only; the other side is derived"
                yield Finding(HEAD_TYPE, head_type.id, where, message, hint)
            said.setdefault(key, head_type.id)


def _variant_circles(entries: Entries) -> Iterator[Finding]:
    """Depth first, without recursion; each circle is reported once, in the file that closes it."""
    above = {
        head_type.id: [(i, r.id) for i, r in enumerate(head_type.relations) if r.kind == "variant_of"]
        for head_type in entries.head_types.values()
    }
    done: set[str] = set()
    for start in above:
        trail: list[str] = []
        stack: list[tuple[str, int]] = [] if start in done else [(start, 0)]
        while stack:
            current, step = stack.pop()
            if step == 0:
                trail.append(current)
            if step == len(above.get(current, ())):
                done.add(trail.pop())
                continue
            stack.append((current, step + 1))
            i, parent = above[current][step]
            if parent in trail:
                circle = " -> ".join((*trail[trail.index(parent) :], parent))
                message = f"variant_of goes in a circle: {circle}"
                hint = "a variant is narrower than what it is a variant of; remove one of the arrows"
                yield Finding(HEAD_TYPE, current, ("relations", i, "id"), message, hint)
            elif parent not in done:
                stack.append((parent, 0))


def _heads_inside_models(entries: Entries) -> Iterator[Finding]:
    shapes: dict[str, tuple[str, int, int]] = {
        model.upstream: (model.id, model.shape.layers, model.shape.heads)
        for model in entries.models.values()
        if model.upstream is not None
    }

    def outside(model: str | None, head: str) -> tuple[str, str] | None:
        if model not in shapes:
            return None
        our, layers, heads = shapes[model]
        layer, number = map(int, re.findall(r"\d+", head))
        if layer < layers and number < heads:
            return None
        message = f"{head} is outside {model}: {layers} layers of {heads} heads, counted from 0"
        return message, f"see {MODEL.path(our)}"

    for paper in entries.papers.values():
        for i, head in enumerate(paper.heads):
            if found := outside(head.model, f"L{head.layer}H{head.head}"):
                yield Finding(PAPER, paper.id, ("heads", i), *found)
        for i, claim in enumerate(paper.claims):
            for h, name in enumerate(claim.heads):
                if found := outside(claim.model, name):
                    yield Finding(PAPER, paper.id, ("claims", i, "heads", h), *found)
    for circuit in entries.circuits.values():
        for i, group in enumerate(circuit.heads):
            for h, name in enumerate(group.heads):
                if found := outside(circuit.model, name):
                    yield Finding(CIRCUIT, circuit.id, ("heads", i, "heads", h), *found)


RULES: tuple[Rule, ...] = (
    _ids_in_papers,
    _ids_in_circuits,
    _ids_in_framework,
    _one_paper_an_identifier,
    _one_head_type_a_name,
    _relations,
    _variant_circles,
    _heads_inside_models,
    *background_references.RULES,
)
