"""
API Gateway's WebSocket side on this machine, for tests: real sockets in front of handlers, and the management API behind them.
"""

from avance.testing.apigw.gateway import Gateway, GatewayLimits, Handler

__all__ = ["Gateway", "GatewayLimits", "Handler"]
