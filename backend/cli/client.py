"""Where the product runs, and how it is asked: over its API alone."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    import httpx

Document = dict[str, Any]
"""A JSON object of the API."""
Query = Mapping[str, object]
"""The parameters of a request; those that are None are left out."""

Server = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Address of the API. Default: where `hsi up` runs it."),
]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Data folder of that `hsi up`. Default: as it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_KINDS: Mapping[int, type[HsiError]] = {404: NotFound, 409: Conflict, 422: Invalid}
_SECONDS = 30
_PAGE = 200


class Api:
    """The API at an address.

    What it refuses is raised as the error that it stands for; that it cannot be reached, as
    Unavailable.
    """

    def __init__(self, address: str, transport: "httpx.BaseTransport | None" = None) -> None:
        import httpx

        self.address = address
        # The environment's proxy is for the world outside, not for this machine.
        self._http = httpx.Client(
            base_url=address, timeout=_SECONDS, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, query: Query | None = None) -> Document:
        """What is at a path."""
        return self.send("GET", path, query)

    def send(
        self, method: str, path: str, query: Query | None = None, *, body: Document | None = None
    ) -> Document:
        """The answer to a request that is granted."""
        status, document = self.answer(method, path, query, body=body)
        if status >= 400:
            raise refusal(status, document)
        return document

    def answer(
        self, method: str, path: str, query: Query | None = None, *, body: Document | None = None
    ) -> tuple[int, Document]:
        """The status and the answer, also of a request that is refused; an empty one is {}."""
        answer = self._ask(method, path, query, body)
        return answer.status_code, {} if answer.status_code == 204 else self._document(answer)

    def download(self, path: str, query: Query | None = None) -> bytes:
        """The picture that is at a path."""
        answer = self._ask("GET", path, query, None)
        if answer.status_code < 400 and answer.headers.get("Content-Type", "").startswith("image/"):
            return answer.content
        raise refusal(answer.status_code, self._document(answer))

    def _ask(
        self, method: str, path: str, query: Query | None, body: Document | None
    ) -> "httpx.Response":
        import httpx

        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        try:
            return self._http.request(method, path, params=given, json=body)
        except httpx.TransportError as error:
            raise unreachable(self.address) from error

    def _document(self, answer: "httpx.Response") -> Document:
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unavailable(
                f"what answers at {self.address} is not hsi (status {answer.status_code})",
                code="server.foreign",
            )
        return document

    def listed(self, path: str, query: Query | None = None, *, limit: int) -> list[Document]:
        """The first `limit` things of a list, over as many pages as that takes."""
        found: list[Document] = []
        cursor: object = None
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE)
            page = self.get(path, {**(query or {}), "limit": wanted, "cursor": cursor})
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return found


def api(server: str | None, data: Path | None) -> Api:
    """The API that the options `--server` and `--data` name."""
    return Api(address_of(server, data))


def address_of(server: str | None, data: Path | None) -> str:
    """The API's address: as given, else where the product with that data folder runs."""
    if server is not None:
        return server_url(server)
    from backend.local.data_folder import read_run_file

    folder = data.expanduser().absolute() if data else _default_data()
    run = read_run_file(folder)
    if run is None:
        raise Unavailable(
            f"nothing runs with the data folder {folder}: `hsi up` starts it "
            "(--data or --server for another place)",
            code="server.not_running",
        )
    return run.address


def server_url(text: str) -> str:
    """An address as a URL without a slash at its end. Raises Invalid for what is none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise Invalid(
            f"--server {text}: not an address like http://127.0.0.1:8000", code="server.invalid"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def unreachable(address: str) -> Unavailable:
    """The error for an address at which nobody answers."""
    return Unavailable(
        f"nothing answers at {address}: `hsi up` starts it", code="server.unreachable"
    )


def refusal(status: int, document: Document) -> HsiError:
    """The error that a problem document tells; on one line for each field that it names."""
    from backend.core.log_lines import printable

    detail = str(document.get("detail") or document.get("title") or f"status {status}")
    fields = [f"{one['field']}: {one['message']}" for one in document.get("errors") or []]
    lines = [detail, *(f"  {field}" for field in fields if field not in detail)]
    if status >= 500 and status != 503:
        lines.append("  `hsi logs --process api` may say more")
    message = "\n".join(printable(line) for line in lines)
    kind = _KINDS.get(status, Unavailable)
    return kind(message, code=str(document.get("code", "server.refused")))


def refuse_stray_options(context: typer.Context) -> None:
    """Raise Invalid where options stand before the word of a sub-command, which would miss them."""
    stray = [
        option.opts[0]
        for option in context.command.params
        if option.name and _was_given(context, option.name)
    ]
    if stray:
        raise Invalid(
            f"{', '.join(stray)}: write it after `{context.invoked_subcommand}`",
            code="option.misplaced",
        )


def print_json(value: object) -> None:
    """Print JSON, in ASCII, so that a terminal is safe from what it holds."""
    import json

    typer.echo(json.dumps(value, indent=2))


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _default_data() -> Path:
    from backend.core.config import get_settings

    return get_settings().data
