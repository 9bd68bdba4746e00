"""The glossary and the open questions: lists of words and of sentences, each with a place that can be linked."""

from __future__ import annotations

from survey_tools.knowledge.records import Question, Term
from survey_tools.site.contents import Contents
from survey_tools.site.elements import bullets, entry_footer, facts, inside, joined, plural
from survey_tools.site.escape import text
from survey_tools.site.links import head_links, paper_link
from survey_tools.site.page import Page


def glossary_page(contents: Contents) -> Page:
    """Words of the field in alphabetical order, with the papers and head types they belong to."""
    glossary = contents.survey.glossary
    terms = sorted(glossary.terms, key=lambda term: term.term.casefold()) if glossary else []
    notation = inside("notation/", "notation")
    lead = f"{plural(len(terms), 'word')} of the field, as they are used here. Symbols and axes: {notation}."
    body = joined(
        [
            "# Glossary",
            lead if glossary else f"Words of the field. The glossary has not been written yet; symbols: {notation}.",
            *(_term(term, contents) for term in terms),
            entry_footer("background/glossary.yml", "background/glossary.json") if glossary else "",
        ]
    )
    return Page("background/glossary", "Glossary", "Words of the field and what they mean here.", body, boost=2)


def _term(term: Term, contents: Contents) -> str:
    also = f'<p class="quiet">Also: {text("; ".join(term.aliases))}</p>' if term.aliases else ""
    more = facts(
        [
            ("Head types", head_links(term.head_types, contents)),
            ("Papers", bullets(paper_link(paper, contents) for paper in term.papers)),
        ],
        "facts facts--small",
    )
    return joined([f"## {text(term.term)} {{ #{term.id} .term }}", text(term.meaning), also, more])


def open_questions_page(contents: Contents) -> Page:
    """What nobody knows yet, why it matters and what would settle it."""
    listed = contents.survey.open_questions
    questions = listed.questions if listed else ()
    lead = f"{plural(len(questions), 'question')} that nobody has answered, each with what would settle it."
    body = joined(
        [
            "# Open questions",
            lead if listed else "What nobody knows yet. The list has not been written yet.",
            *(_question(question, contents) for question in questions),
            entry_footer("background/open-questions.yml", "background/open-questions.json") if listed else "",
        ]
    )
    return Page("background/open-questions", "Open questions", "What nobody knows yet about attention heads.", body)


def _question(question: Question, contents: Contents) -> str:
    more = facts(
        [
            ("Why it matters", text(question.why)),
            ("What would settle it", text(question.settled_by)),
            ("Head types", head_links(question.head_types, contents)),
            ("Papers", bullets(paper_link(paper, contents) for paper in question.papers)),
        ],
        "facts facts--wide",
    )
    return f"## {text(question.question)} {{ #{question.id} .term }}\n\n{more}"
