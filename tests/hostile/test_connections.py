"""Clients that open connections and do nothing with them."""

import contextlib
import re

HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"


def test_idle_and_slow_connections_do_not_block_other_addresses(new_lake):
    """One address uses all connections that it may have. Other clients still get one."""
    new_lake.settings["http"] = {
        "connections_max": 64,
        "connections_per_address_max": 32,
        "header_timeout": "1m",
        "idle_timeout": "1m",
        "peer_log_interval": "1h",
    }
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    client = new_lake.query
    with contextlib.ExitStack() as stack:
        for n in range(200):
            connection = stack.enter_context(client.connect())
            with contextlib.suppress(ConnectionError):
                if n % 3 == 1:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
                elif n % 3 == 2:
                    connection.sendall(
                        b"POST /sql HTTP/1.1\r\n" + HEAD + b"Content-Length: 99\r\n\r\n{"
                    )
            if n % 20 == 0:
                assert client.sql("SELECT 1").rows() == [[1]]
        metrics = client.get("/metrics").text
    (evicted,) = re.findall(
        r'^tarn_http_connections_evicted_total\{limit="http.connections_per_address_max"\} (\d+)$',
        metrics,
        re.MULTILINE,
    )
    assert int(evicted) >= 200 - 32
    assert len(new_lake.queryd.lines("too many connections")) == 1
