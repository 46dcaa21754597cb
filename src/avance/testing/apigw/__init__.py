"""
API Gateway's WebSocket side on this machine, for tests: real sockets in front of handlers, and the management API behind them; and what calls a
function for the records of a table.
"""

from avance.testing.apigw.gateway import Gateway, GatewayLimits, Handler
from avance.testing.apigw.stream import Stream, StreamLimits

__all__ = ["Gateway", "GatewayLimits", "Handler", "Stream", "StreamLimits"]
