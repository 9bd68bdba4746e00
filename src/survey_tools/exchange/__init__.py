"""The survey in other people's formats, and theirs compared with ours.

    out   bibtex, csl, plain (json, jsonl), tables (csv, parquet), awesome, atom, jsonld, croissant; `export` names all
    in    bibtex_in and awesome_in read a file into listed papers, `comparison` says what differs, `drafts` what to add

Everything but `files` is a pure function of its arguments: the same survey gives the same bytes, on any day.
"""
