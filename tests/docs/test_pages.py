"""The documentation names nothing that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, PageError, check_command, check_link, makefile_targets, pages

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


@each_page
def test_every_link_leads_somewhere(page: Page) -> None:
    for link in page.links():
        check_link(page, link)


@each_page
def test_every_target_of_make_exists(page: Page) -> None:
    assert page.targets() <= makefile_targets()


@each_page
def test_every_command_exists_with_its_options(page: Page) -> None:
    for words in page.commands():
        check_command(words)


def test_the_pages_have_something_to_check() -> None:
    readme = next(page for page in pages() if page.name == "README.md")
    assert len(readme.links()) > 5
    assert {"demo", "test", "serve"} <= readme.targets()
    assert ["covenant", "hits", "--purpose", "nuisance"] in list(readme.commands())
    assert ["covenantd", "migrate"] in [words for page in pages() for words in page.commands()]


PAGE = """# One heading: `with code`

[there](Makefile) [not there](nowhere.md) [heading](#one-heading-with-code) [no heading](#two)
[outside](../elsewhere) [web](https://example.org/x), and `make nonsense`, but to make sense of it

```console
$ FILE=x .venv/bin/covenant hits --json | head  # how
$ curl -H "$(covenant authorization GET x)" y
  covenant nonsense
$ covenantd keys \\
    nonsense
```

```text
[not a link](nowhere)
$ covenant nonsense
```
"""


def test_what_does_not_exist_is_noticed() -> None:
    page = Page(ROOT / "page.md", PAGE)
    assert page.links() == ["Makefile", "nowhere.md", "#one-heading-with-code", "#two", "../elsewhere"]
    assert page.targets() - makefile_targets() == {"nonsense"}
    assert list(page.commands()) == [["covenant", "hits", "--json"], ["covenantd", "keys", "nonsense"]]
    check_link(page, "Makefile")
    assert "one-heading-with-code" in page.anchors
    for link in ("nowhere.md", "../elsewhere", "README.md#nowhere"):
        with pytest.raises(PageError):
            check_link(page, link)
    for words in (["covenantd", "keys", "nonsense"], ["covenant", "hits", "--nonsense"]):
        with pytest.raises(PageError):
            check_command(words)
    check_command(["covenant", "hits", "--json"])


def test_a_page_outside_is_not_followed() -> None:
    with pytest.raises(PageError):
        check_link(Page(ROOT / "docs" / "page.md", ""), str(Path("..") / ".." / "README.md"))
