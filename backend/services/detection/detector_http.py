"""HTTP as the client of the detector's service speaks it: one POST for a picture.

The only module that knows the HTTP library, which a worker without services never loads.
"""

import ssl
from io import BytesIO

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientPayloadError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.http_exceptions import HttpProcessingError

from backend.services.detection.detector_address import CutShort, NoReply, Reply
from backend.services.detection.detector_answer import Question

_CONNECT_SECONDS = 2.0
_KEPT_SECONDS = 5.0
"""How long an idle connection is kept: shorter than the service keeps it."""
_MOST_BYTES = 4_000_000  # of an answer; 300 boxes are 100 KB
_MOST_OF_A_REASON = 200  # characters


class Connections:
    """Kept open between pictures, as many to an address as it is asked pictures at a time.

    Redirects are not followed, cookies not kept, and proxies of the environment not used.
    """

    def __init__(self, trust: ssl.SSLContext, *, timeout: float, api_key: str | None) -> None:
        headers = {"Accept-Encoding": "identity", "Content-Type": "image/jpeg"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        self._session = ClientSession(
            connector=TCPConnector(limit=0, ssl=trust, keepalive_timeout=_KEPT_SECONDS),
            headers=headers,
            cookie_jar=DummyCookieJar(),
            # Whoever asks bounds the whole.
            timeout=ClientTimeout(connect=min(_CONNECT_SECONDS, timeout)),
        )

    async def post(self, url: str, picture: bytes, question: Question) -> Reply:
        """What `url` replies to a picture. Raises as `Client.post`."""
        try:
            async with self._session.post(
                f"{url}?confidence={question.confidence}",
                data=BytesIO(picture),  # of more than 1 MB of mere bytes the library warns
                headers={"X-Request-ID": question.request_id},
                allow_redirects=False,
            ) as response:
                body = await _body_of(response)
                return Reply(response.status, response.headers, body)
        except TimeoutError:  # to connect
            raise
        except (ClientResponseError, HttpProcessingError) as error:
            # Without its cause, whose repr has the request's headers, and so the key.
            raise NoReply(_in_one_line(error.message)) from None
        except ClientConnectorError as error:
            raise NoReply(_in_one_line(error.os_error.strerror or str(error.os_error))) from error
        except (ClientConnectionError, ClientPayloadError) as error:
            raise CutShort(_in_one_line(str(error) or type(error).__name__)) from error
        except ValueError as error:  # a name that no resolver can be asked for
            raise NoReply(_in_one_line(f"it is no address: {error}")) from error

    async def aclose(self) -> None:
        """Close them all."""
        await self._session.close()


async def _body_of(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise NoReply("its answer has no end")
    return bytes(body)


def _in_one_line(reason: str) -> str:
    return " ".join(reason.split())[:_MOST_OF_A_REASON]
