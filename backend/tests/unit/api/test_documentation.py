"""The page of the API: whole, and made without anybody's help."""

import re

import httpx

from backend.api.application import build
from backend.api.documentation import page

DOCUMENT = build().openapi()
PAGE = page(DOCUMENT)


def test_every_operation_is_there() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method in operations:
            shown = f'<span class="method">{method.upper()}</span> <code>{path}</code>'
            assert PAGE.count(shown) == 1


def test_parameters_and_examples_are_there() -> None:
    assert "<code>cursor</code>" in PAGE
    assert "integer from 1 to 200 else 50" in PAGE
    assert "low | medium | high | critical" in PAGE or "Level" in PAGE
    assert "&quot;next_cursor&quot;: null" in PAGE
    assert "&quot;slug&quot;: &quot;front_door&quot;" in PAGE


def test_it_loads_and_runs_nothing() -> None:
    assert "<script" not in PAGE
    assert re.findall(r'(?:src|href)="([^"]+)"', PAGE) == ["/openapi.json"]
    assert "url(" not in PAGE


def test_what_is_described_cannot_become_markup() -> None:
    document = {
        "info": {"title": "<b>", "version": "1", "description": "<script>x</script>\n\n- a\n- `b`"},
        "tags": [],
        "paths": {},
    }
    made = page(document)
    assert "<h1>&lt;b&gt;</h1>" in made
    assert "<script>" not in made
    assert "<ul><li>a</li><li><code>b</code></li></ul>" in made


async def test_the_root_leads_to_it(api: httpx.AsyncClient) -> None:
    answer = await api.get("/")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/docs"
    answer = await api.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == PAGE
