"""
Numbers for Prometheus. Parts tell theirs through sources that are asked at each scrape; what must be counted as it happens is
counted here.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG_SECONDS = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400)


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """
    One number of a part, such as `avance_connections`, as it is now.
    """

    name: str
    help: str
    value: float
    labels: dict[str, str] = {}
    is_counter: bool = False
    """It only grows; its name ends in `_total`."""


Source = Callable[[], Awaitable[Iterable[Measure]]]


class Metrics:
    """
    A registry of its own, so that several apps can live in one process.
    """

    def __init__(self, *, kinds_max: int = 200) -> None:
        self._registry = CollectorRegistry()
        self._sources: list[Source] = []
        self._kinds: set[str] = set()
        self._kinds_max = kinds_max
        self._asked: list[Measure] = []
        self._requests = Histogram(
            "avance_http_request_seconds",
            "Time from a request to its answer.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._ended = Counter(
            "avance_jobs_ended",
            "Jobs that reached a terminal state.",
            ("kind", "state"),
            registry=self._registry,
        )
        self._ran = Histogram(
            "avance_job_run_seconds",
            "Time from the first start of a job to its end.",
            ("kind", "state"),
            buckets=_LONG_SECONDS,
            registry=self._registry,
        )
        self._waited = Histogram(
            "avance_job_wait_seconds",
            "Time that a job waited in the queue before its first start.",
            ("kind",),
            buckets=_LONG_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Asked(self._asked))

    def add_source(self, source: Source) -> None:
        """
        Ask this at each scrape.
        """
        self._sources.append(source)

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, f"{status // 100}xx").observe(seconds)

    def job_ended(
        self, kind: str, state: str, *, run_s: float | None = None, wait_s: float | None = None
    ) -> None:
        """
        Count a job's end, and how long it waited and ran if it ever started.
        """
        label = self.kind_label(kind)
        self._ended.labels(label, state).inc()
        if run_s is not None:
            self._ran.labels(label, state).observe(max(run_s, 0.0))
        if wait_s is not None:
            self._waited.labels(label).observe(max(wait_s, 0.0))

    def kind_label(self, kind: str) -> str:
        """
        The label of a task name; beyond the limit of names, `other`.
        """
        if kind not in self._kinds:
            if len(self._kinds) >= self._kinds_max:
                return "other"
            self._kinds.add(kind)
        return kind

    async def render(self) -> bytes:
        """
        The text that Prometheus reads.
        """
        measures = [measure for source in self._sources for measure in await source()]
        # No await between filling and reading: two scrapes at once do not mix.
        self._asked[:] = measures
        return generate_latest(self._registry)


class _Asked(Collector):
    def __init__(self, measures: list[Measure]) -> None:
        self._measures = measures

    def collect(self) -> Iterable[Metric]:
        families: dict[str, tuple[list[str], Metric]] = {}
        for measure in self._measures:
            if measure.name not in families:
                families[measure.name] = _family(measure)
            names, family = families[measure.name]
            values = [measure.labels.get(name, "") for name in names]
            if isinstance(family, CounterMetricFamily | GaugeMetricFamily):
                family.add_metric(values, measure.value)
        return [family for _, family in families.values()]


def _family(measure: Measure) -> tuple[list[str], Metric]:
    names = sorted(measure.labels)
    if measure.is_counter:
        return names, CounterMetricFamily(measure.name, measure.help, labels=names)
    return names, GaugeMetricFamily(measure.name, measure.help, labels=names)


def gauge(name: str, help_text: str, values: Mapping[str, float], label: str) -> list[Measure]:
    """
    A gauge with one label, from a count by its value.
    """
    return [
        Measure(name=name, help=help_text, value=value, labels={label: key})
        for key, value in values.items()
    ]
