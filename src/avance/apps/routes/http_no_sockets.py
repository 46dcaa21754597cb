"""
What stands at the path of the socket where the settings say that there is none (`WEBSOCKET_ENABLED`).
"""

from fastapi import APIRouter
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

router = APIRouter()


async def no_sockets(socket: WebSocket) -> None:
    """
    Refuse the handshake as if the path did not exist, and say why.
    """
    detail = "sockets are off here (WEBSOCKET_ENABLED); poll GET /jobs/{job_id}"
    await socket.send_denial_response(JSONResponse({"detail": detail}, status_code=404))


router.add_api_websocket_route("/ws/optimize/{job_id}", no_sockets)
