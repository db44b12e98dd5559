"""The WebSocket: what happens, as it happens."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from backend.api.conversation import Conversation
from backend.api.dependencies import PartsDep

router = APIRouter()

ABOUT = """\
**Live.** A WebSocket at `/ws/events` (`/ws` is the same) tells what happens. Messages are JSON
objects with a `type`.

- Send `{"type": "subscribe"}`; the answer is `{"type": "subscribed", "last_number": 41}`.
- Then come `event.opened`, `event.updated`, `event.assessed` and `event.closed`, each with a
  `number`, without gaps, and the `event`; `event.assessed` comes with every new judgement,
  and also has the `assessment`.
- Send `{"type": "subscribe", "since": 41}` after a break: all messages after number 41 come first.
  `?since=41` in the address does the same for a subscription that does not say.
- `{"type": "resync", "last_number": 90}` says that messages were missed: they are kept for 24
  hours, and a reader who is too slow is not waited for. Ask the API; what follows number 90 comes.
- `{"type": "ping"}` is answered by `{"type": "pong"}`, nonsense by
  `{"type": "error", "code": "…", "message": "…"}`.
"""


@router.websocket("/ws/events")
@router.websocket("/ws")
async def live(socket: WebSocket, parts: PartsDep) -> None:
    """Talk to one client."""
    await socket.accept()
    await Conversation(socket, parts.fan_out, socket.query_params.get("since")).run()
