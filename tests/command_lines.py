"""Calls of `survey` that stand in scripts and pages, held against the command line itself."""

import re
import shlex

import click

from survey_tools.cli import main

SEPARATORS = {"if", "then", "else", "do", "!"}


def survey_calls(script):
    """The arguments of every call of `survey` in a shell script."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words, redirected = [], False
        for word in (*lexer, ";"):
            if word in SEPARATORS or set(word) <= set("();|&"):
                if words and re.fullmatch(r"(\S*/)?survey", words[0]):
                    yield words[1:]
                words, redirected = [], False
            elif set(word) <= set("<>&"):
                redirected = True
                if words and words[-1] in ("1", "2"):  # of `2>&1`
                    words.pop()
            elif not redirected:
                words.append(word)


def refused(words):
    """Why the command line would not take these words; None when it would. Values from variables pass."""
    command, words = main, list(words)
    while isinstance(command, click.Group):
        if not words or words[0] not in command.commands:
            return f"no command {' '.join(words)}"
        command = command.commands[words.pop(0)]
    try:
        values, rest, _ = command.make_parser(click.Context(command)).parse_args(words)
    except click.UsageError as error:
        return error.message
    for parameter in command.params:
        given = values.get(parameter.name)
        choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else ()
        if choices and given and "$" not in given and given not in choices:
            return f"{parameter.name} is none of {choices}"
        if parameter.required and given is None:
            return f"{parameter.name} is missing"
    return f"too many arguments: {rest}" if rest else None
