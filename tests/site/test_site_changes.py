"""Where a reviewer is sent must be a page of the site."""

from survey_tools.changes import ChangedFile, changed_pages
from survey_tools.knowledge import kinds
from survey_tools.site.pages import made_pages


def test_the_pages_of_changed_entries_exist(tiny, tiny_root):
    made = {page.address for page in made_pages(tiny)}
    kinds_seen = set()
    for kind in kinds.KINDS:
        for path in (tiny_root / kind.folder).glob(f"{kind.only or '*'}.yml"):
            seen = kinds.kind_of(kind.folder, path.stem)
            [page] = changed_pages([ChangedFile(path.relative_to(tiny_root).as_posix())], tiny.survey)
            assert page.address in made
            kinds_seen.add(seen)
    assert kinds_seen >= {kinds.PAPER, kinds.HEAD_TYPE, kinds.CIRCUIT, kinds.MODEL, kinds.FRAMEWORK}
