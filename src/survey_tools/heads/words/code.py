"""Names of arguments and functions in Python code, and what a docstring says of them."""

ARGUMENTS = (
    "size", "files", "old", "mode", "width", "color", "start", "path", "data", "name", "count", "index", "shape",
    "limit", "order", "title", "text", "user", "time", "date", "level", "source", "target", "image", "table", "row",
    "column", "node", "key", "value", "length", "height", "first", "last", "group", "state", "step", "filter", "query",
    "style", "page", "line", "port", "host", "code", "word", "unit", "label", "model", "scale",
)  # fmt: skip
FUNCTIONS = (
    ("load", "load the settings"), ("draw", "draw a picture"), ("merge", "merge two lists"), ("send", "send a message"),
    ("update", "update the record"), ("plot", "plot the results"), ("clean", "clean the input"),
    ("convert", "convert the format"), ("check", "check the entries"), ("store", "store the result"),
)  # fmt: skip
"""A function's name, and its docstring's first line."""
MEANINGS = (
    "what to use", "where to begin", "set by the caller", "as given before", "kept unchanged", "may be empty",
    "used only once", "not yet checked", "what is read", "needed here",
)  # fmt: skip
"""What a docstring can say of any argument."""
