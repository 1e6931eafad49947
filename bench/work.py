"""Many small answers: the number per second, their latency, and their CPU."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import data, load, report
from bench.alone import Alone
from bench.server import Server

CONNECTIONS = (1, 8, 32)
# The queries that wrk sends if it is installed. The others take so long that the requests that wrk
# cuts off at the end would change the figures.
SMALL = ("select 1", "count(*) from lineitem", "one order key")
# Servers take turns, so that other load on the machine affects all of them.
TURNS = 2
WARM_UP_S = 0.3

ORDER_KEY = 3_000_001


def texts() -> dict[str, str]:
    return {
        "select 1": "SELECT 1",
        "count(*) from lineitem": "SELECT count(*) FROM lineitem",
        "one order key": f"SELECT * FROM lineitem WHERE l_orderkey = {ORDER_KEY}",
        "TPC-H Q6": data.tpch_query(6),
        "TPC-H Q1": data.tpch_query(1),
    }


@dataclass(frozen=True)
class Point:
    work: str
    connections: int
    server: str
    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def names() -> Iterator[tuple[str, str, int]]:
    for name in texts():
        for connections in CONNECTIONS:
            yield f"work: {name}, {connections} at once", name, connections


def measure(
    name: str, connections: int, servers: Sequence[Server | Alone], seconds: float
) -> list[Point]:
    sql = texts()[name]
    small = name in SMALL
    loads = {server: load.Load() for server in servers}
    cpu = dict.fromkeys(servers, 0.0)
    for server in servers:
        server.run(load.Load(), sql, connections, WARM_UP_S, False)
    for _ in range(TURNS):
        for server in servers:
            before = server.engine.cpu_seconds()
            server.run(loads[server], sql, connections, seconds / TURNS, small)
            cpu[server] += server.engine.cpu_seconds() - before
    return [
        Point(
            work=name,
            connections=connections,
            server=server.name,
            requests=done.requests,
            per_second=done.per_second,
            p50_ms=done.percentile_ms(50),
            p99_ms=done.percentile_ms(99),
            cpu_ms=1000 * cpu[server] / done.requests,
        )
        for server, done in loads.items()
    ]


def table(points: Sequence[Point]) -> str:
    """A table in which the line of Tarn comes first, and each other server has a line below it."""
    rows = []
    ours = None
    for point in points:
        if ours is None or (ours.work, ours.connections) != (point.work, point.connections):
            ours = point
        rows.append(
            [
                point.work,
                point.connections,
                point.server,
                point.requests,
                report.number(point.per_second),
                report.number(point.p50_ms),
                report.number(point.p99_ms),
                report.number(point.cpu_ms),
                *report.ratios(
                    point is not ours,
                    (ours.per_second, point.per_second),
                    (point.cpu_ms, ours.cpu_ms),
                ),
            ]
        )
    return report.table(
        [
            "work",
            "connections",
            "server",
            "requests",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "CPU ms a request",
            *report.RATIOS,
        ],
        rows,
    )
