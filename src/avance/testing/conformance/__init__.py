"""
Suites that every backend of a port passes. A backend's test subclasses the suite and gives it the fixture that makes the backend:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda clock: MyStore(tmp_path / "jobs", clock)

They need pytest, hypothesis and the pytest plugin of anyio.
"""

import pytest

pytest.register_assert_rewrite(
    "avance.testing.conformance.auth",
    "avance.testing.conformance.blobs",
    "avance.testing.conformance.bus",
    "avance.testing.conformance.clock",
    "avance.testing.conformance.executor",
    "avance.testing.conformance.journal",
    "avance.testing.conformance.presence",
    "avance.testing.conformance.queue",
    "avance.testing.conformance.queue_machine",
    "avance.testing.conformance.records",
    "avance.testing.conformance.revocations",
    "avance.testing.conformance.store",
    "avance.testing.conformance.stream_machine",
)
