"""
Numbers for CloudWatch, as lines of the log in its embedded metric format: nothing is called, and nothing can fail.
"""

import json
import sys
import time
from collections.abc import Callable

NAMESPACE = "avance/ocr"
UNITS = {
    "ConnectionsOpened": "Count",
    "ConnectionsClosed": "Count",
    "MessagesSent": "Count",
    "ConnectionErrors": "Count",
    "WebSocketLatency": "Milliseconds",
    "NotificationResponseTime": "Milliseconds",
}
"""Active connections are those opened without those closed; the error rate is errors by messages. 004-22."""


class Measures:
    def __init__(self, stage: str, write: Callable[[str], object] | None = None) -> None:
        self._stage = stage
        self._write = write or _to_log

    def tell(self, **values: float) -> None:
        """
        One line with these numbers.
        """
        told = {
            "_aws": {
                "Timestamp": time.time_ns() // 1_000_000,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["Stage"]],
                        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
                    }
                ],
            },
            "Stage": self._stage,
            **values,
        }
        self._write(json.dumps(told))


def _to_log(line: str) -> None:
    # A logger would put a prefix before it, and CloudWatch would not know it any more.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
