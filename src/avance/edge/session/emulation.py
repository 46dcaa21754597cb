from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from avance.edge.http import problem
from avance.edge.session.body import read_body
from avance.edge.session.cross_origin import is_foreign, preflight, shared_with
from avance.edge.session.gateway import Gateway
from avance.errors import InvalidRequest, NotFound, PermissionDenied, TooLarge
from avance.hub.letters import Emulate
from avance.protocol.codec import INBOUND_BYTES_MAX, codec_for_content_type
from avance.protocol.codes import MalformedFrame


class Emulation:
    """
    `POST /emulation`: the commands of clients whose connection only goes out, brought to the node that has it.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rules = self._gateway.origins
        if scope["method"] == "OPTIONS":
            answer = Response(status_code=204)
            answer.raw_headers.extend(preflight(rules, scope))
        else:
            answer = await self._answer(Request(scope, receive))
            answer.raw_headers.extend(shared_with(rules, scope))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return problem.problem(
                405,
                "method_not_allowed",
                f"commands are sent with POST, not {request.method}",
                headers={"allow": "POST"},
            )
        why = is_foreign(
            self._gateway.origins, request.headers, request.client.host if request.client else ""
        )
        if why is not None:
            return problem.of_error(PermissionDenied(why, code="origin_refused"))
        try:
            body = await read_body(request, INBOUND_BYTES_MAX)
        except TooLarge as error:
            return problem.of_error(error)
        except ClientDisconnect:
            return Response(status_code=204)
        return self._bring(request, body)

    def _bring(self, request: Request, body: bytes) -> Response:
        codec = codec_for_content_type(request.headers.get("content-type", ""))
        try:
            emulated = codec.decode_emulation(body)
        except MalformedFrame as error:
            return problem.of_error(InvalidRequest(error.detail, code="bad_request"))
        nodes = self._gateway.hub.nodes
        if not nodes.is_known(emulated.node):
            # Clients of today reconnect at a 404, which a node that is gone needs.
            return problem.of_error(
                NotFound("there is no such node any more; connect again", code="unknown_node")
            )
        nodes.ask(Emulate(session=emulated.session, data=emulated.data), node=emulated.node)
        return Response(status_code=204)
