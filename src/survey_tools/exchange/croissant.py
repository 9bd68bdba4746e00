"""Croissant 1.1 metadata of the score tables: where each CSV lies, its sha256, and what its columns hold.

Croissant is JSON-LD on top of schema.org/Dataset (http://mlcommons.org/croissant/1.1); loaders of machine-learning
data read tables by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.dataset import CREATOR, DESCRIPTION, KEYWORDS, LICENCE, NAME, RELEASE, base_url
from survey_tools.exchange.tables import Table, csv_text

VERSION = "http://mlcommons.org/croissant/1.1"
FILE = "croissant.json"
FOLDER = "data"
"""Where the tables lie, from the top of the site."""
_TERMS = (
    "annotation", "arrayShape", "citeAs", "column", "conformsTo", "containedIn", "equivalentProperty", "excludes",
    "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "readLines", "recordSet", "references", "regex", "repeated",
    "replace", "samplingRate", "sdVersion", "separator", "source", "subField", "transform", "unArchive", "value",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
_BIBTEX = "@misc{{attention-head-survey, author = {{{{{creator}}}}}, title = {{{{{name}}}}}, url = {{{url}}}}}"
_TYPES = {"text": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}


def croissant(tables: Sequence[Table], site_url: str, published: str, folder: str = FOLDER) -> dict[str, Any]:
    """The metadata of `tables`, whose CSV files (`csv_text`) lie in `folder` of the site.

    `published` is the date of the data, YYYY-MM-DD.

    Raises:
        KnowledgeError: there is no `site_url`: the format must say where the data lies.
    """
    if not site_url:
        raise KnowledgeError(
            "Croissant metadata must say where the data lies; give the address of the site, such as "
            "--site-url https://example.org/heads/, or set SITE_URL to it"
        )
    base = base_url(site_url)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": "attention-head-scores",
        "description": DESCRIPTION,
        "alternateName": NAME,
        "url": base,
        "license": LICENCE,
        "creator": {"@type": "sc:Organization", "name": CREATOR},
        "datePublished": published,
        "version": RELEASE,
        "keywords": list(KEYWORDS),
        "citeAs": _BIBTEX.format(creator=CREATOR, name=NAME, url=base),
        "distribution": [_file(table, f"{base}{folder}/" if folder else base) for table in tables],
        "recordSet": [_record_set(table) for table in tables],
    }


def _file(table: Table, where: str) -> dict[str, Any]:
    content = csv_text(table).encode()
    return {
        "@type": "cr:FileObject",
        "@id": f"{table.id}.csv",
        "name": f"{table.id}.csv",
        "description": table.description,
        "contentUrl": f"{where}{table.id}.csv",
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _record_set(table: Table) -> dict[str, Any]:
    record_set: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": table.id,
        "name": table.id,
        "description": table.description,
    }
    if table.key:
        record_set["key"] = [{"@id": f"{table.id}/{name}"} for name in table.key]
    record_set["field"] = [
        {
            "@type": "cr:Field",
            "@id": f"{table.id}/{column.name}",
            "name": column.name,
            "description": column.description,
            "dataType": _TYPES[column.type],
            "source": {"fileObject": {"@id": f"{table.id}.csv"}, "extract": {"column": column.name}},
        }
        for column in table.columns
    ]
    return record_set
