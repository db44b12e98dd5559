"""The API's own page: made from its OpenAPI document, without scripts, and nothing from outside.

The usual pages load megabytes of script from other people's servers, which a house without the
Internet cannot, and a product that keeps footage at home should not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Document = Mapping[str, Any]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""The page's content security policy."""

_METHODS = ("get", "post", "put", "patch", "delete")
_INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<b>\1</b>"),
    (re.compile(r"`(.+?)`"), r"<code>\1</code>"),
)

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2rem 0 .5rem; text-transform: capitalize; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
summary { padding: .6rem .8rem; cursor: pointer; overflow-wrap: anywhere; }
details > div { padding: 0 .8rem .8rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { background: var(--soft); padding: .6rem; border-radius: .4rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .3rem .5rem .3rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
.method { font-weight: 700; display: inline-block; min-width: 4.2rem; }
"""


def page(document: Document) -> str:
    """The page, for an OpenAPI document."""
    title = escape(document["info"]["title"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            f"<p>Version {escape(document['info']['version'])}. For programs:",
            '<a href="/openapi.json">the OpenAPI document</a>.</p>',
            _text(document["info"].get("description", "")),
            *_sections(document),
            "</body></html>",
        ]
    )


def _sections(document: Document) -> Iterator[str]:
    for tag in document.get("tags", ()):
        yield f"<h2>{escape(tag['name'])}</h2>{_text(tag.get('description', ''))}"
        for path, operations in document["paths"].items():
            for method in _METHODS:
                if tag["name"] in operations.get(method, {}).get("tags", ()):
                    yield _operation(document, method, path, operations[method])


def _operation(document: Document, method: str, path: str, operation: Document) -> str:
    return (
        f'<details><summary><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary><div>"
        f"{_text(operation.get('description', ''))}"
        f"{_parameters(operation)}{_body(document, operation)}{_answers(document, operation)}"
        "</div></details>"
    )


def _parameters(operation: Document) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td>"
        f"<td>{escape(_kind(one['schema']))}{', required' if one.get('required') else ''}</td>"
        f"<td>{_inline(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    return f"<h3>Parameters</h3><table>{rows}</table>" if rows else ""


def _body(document: Document, operation: Document) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    shown = "".join(_example(document, one.get("schema", {})) for one in content.values())
    return f"<h3>Body</h3>{shown}" if shown else ""


def _answers(document: Document, operation: Document) -> str:
    rows, example = "", ""
    for status, answer in operation["responses"].items():
        rows += f"<tr><td>{escape(status)}</td><td>{_inline(answer['description'])}</td></tr>"
        content = answer.get("content", {}).get("application/json", {})
        if status.startswith("2"):
            example += _example(document, content.get("schema", {}))
    return f"<h3>Answers</h3><table>{rows}</table>{example}"


def _example(document: Document, schema: Document) -> str:
    schema = _resolved(document, schema)
    example = _example_of(document, schema)
    if example is None:
        return ""
    return f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"


def _example_of(document: Document, schema: Document) -> object:
    if schema.get("examples"):
        return schema["examples"][0]
    items = schema.get("properties", {}).get("items", {}).get("items")
    if items is not None:  # a page of a list
        return {"items": [_example_of(document, _resolved(document, items))], "next_cursor": None}
    return None


def _resolved(document: Document, schema: Document) -> Document:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Document = document["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: Document) -> str:
    """A schema in a few words: `integer from 1 to 200, else 50`."""
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return " | ".join(schema["enum"])
    words = schema["$ref"].rpartition("/")[2] if "$ref" in schema else schema.get("type", "any")
    for key, word in (("minimum", "from"), ("maximum", "to"), ("default", "else")):
        if key in schema:
            words += f" {word} {schema[key]}"
    return f"{words} ({schema['format']})" if "format" in schema else str(words)


def _text(text: str) -> str:
    """Paragraphs, lists, `code` and **bold**: as much of Markdown as our descriptions use."""
    return "".join(_block(block) for block in text.strip().split("\n\n") if block)


def _block(block: str) -> str:
    if not block.startswith("- "):
        return f"<p>{_inline(block)}</p>"
    items = block.removeprefix("- ").split("\n- ")
    return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"


def _inline(text: str) -> str:
    text = escape(text, quote=False)
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text
