"""
For apps with HTTP routes of their own: who is calling, what a caller may see, and the shapes of requests and answers.
"""

from avance.edge.http.access import Caller, check_reads, job_not_found, may_see
from avance.edge.http.answer import json_answer, raw_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import decode_json, read_json, read_query
from avance.edge.http.cross_origin import offer_to_pages
from avance.edge.http.jobs import count_start
from avance.edge.http.openapi import described
from avance.edge.http.problem import Problem, problem
from avance.ports.auth import Identity, Role

__all__ = [
    "Caller",
    "Identity",
    "Problem",
    "Role",
    "caller",
    "check_reads",
    "count_start",
    "decode_json",
    "described",
    "job_not_found",
    "json_answer",
    "may_see",
    "offer_to_pages",
    "problem",
    "raw_answer",
    "read_json",
    "read_query",
]
