"""The literature outside: what arXiv, Crossref, OpenAlex, the ACL Anthology or a BibTeX file say of a paper.

    metadata.py                         what a source tells of a paper
    web.py                              one polite way of asking a server
    arxiv.py  crossref.py  openalex.py  acl.py  bibtex.py       one thin client each
    look_up.py                          which source is asked first, and which one then
    already_here.py  head_names.py      is it here already; which head types does its abstract name
    draft.py  paper_id.py               from all that an entry that only lacks what a person must say
    add.py  form.py  next_steps.py      one paper: asked for, or by the body of a GitHub issue; and what to do then
    listed_drafts.py                    many papers: those of a list that are not here
    watch.py  watch_report.py           what is new since a date
    new_head.py                         drafts of a head type, its detector and its test
    new_file.py                         files are made, never overwritten

Whatever comes in is data of strangers: it is cleaned, cut and checked, and never executed.
"""
