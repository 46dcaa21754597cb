"""
API Gateway on this machine, for tests: real sockets in front of handlers, and the management API behind them; HTTP in front of a function; and what
calls a function for the records of a table.
"""

from avance.testing.apigw.gateway import Gateway, GatewayLimits, Handler
from avance.testing.apigw.http import Cors, HttpGateway, Route
from avance.testing.apigw.stream import Stream, StreamLimits

__all__ = [
    "Cors",
    "Gateway",
    "GatewayLimits",
    "Handler",
    "HttpGateway",
    "Route",
    "Stream",
    "StreamLimits",
]
