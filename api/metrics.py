"""Metrics for Prometheus: the counters, and what is true at the moment of the scrape."""

from collections.abc import Iterator

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.house import House, house_of

BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


class Now(Collector):
    """Read at each scrape from the parts that know it."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        running, readers = len(self._house.executions.running), len(self._house.followers)
        yield GaugeMetricFamily("leadstream_streams_active", "Streams that run.", running)
        yield GaugeMetricFamily("leadstream_followers_active", "Readers connected.", readers)
        lag_s = self._house.lag.seconds
        yield GaugeMetricFamily("leadstream_event_loop_lag_seconds", "Worst of late.", lag_s)
        model = ("provider", "model")
        breaker = GaugeMetricFamily(
            "leadstream_breaker_state", "0 closed, 1 half open, 2 open.", labels=model
        )
        changes = CounterMetricFamily(
            "leadstream_breaker_changes", "Changes of a breaker's state.", labels=model
        )
        gate = GaugeMetricFamily(
            "leadstream_gate_closed", "1 while its provider may not be asked.", labels=model
        )
        for candidate in self._house.executions.router.candidates:
            of = (candidate.provider, candidate.model)
            breaker.add_metric(of, BREAKER_STATES[candidate.breaker.peek().state])
            changes.add_metric(of, candidate.breaker.changes)
            gate.add_metric(of, not candidate.gate.peek().allowed)
        yield from (breaker, changes, gate)


async def metrics(request: Request) -> Response:
    """`GET /metrics`: counters, histograms and gauges, for Prometheus."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    registry = house_of(request).counters.registry
    return Response(encode(registry), headers={"Content-Type": content_type})


routes: list[BaseRoute] = [Route("/metrics", metrics, methods=["GET"])]
