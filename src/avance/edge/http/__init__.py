"""
What avance serves over HTTP.
"""

from avance.edge.http.access import Caller, caller_of, check_reads, may_see
from avance.edge.http.app import http_app, routes
from avance.edge.http.asyncapi import Socket
from avance.edge.http.authenticate import caller
from avance.edge.http.jobs import StartLimits
from avance.edge.http.limits import HttpLimits
from avance.edge.http.metrics import Measure, Metrics
from avance.edge.http.origin import OriginRules
from avance.edge.http.redact import RedactingFilter
from avance.edge.http.services import Health, HttpServices, Probe, Revoked

__all__ = [
    "Caller",
    "Health",
    "HttpLimits",
    "HttpServices",
    "Measure",
    "Metrics",
    "OriginRules",
    "Probe",
    "RedactingFilter",
    "Revoked",
    "Socket",
    "StartLimits",
    "caller",
    "caller_of",
    "check_reads",
    "http_app",
    "may_see",
    "routes",
]
