"""Malicious requests below SQL: with ambiguous length, and compressed bombs."""

import gzip
import json

import pyarrow as pa
import pytest
from harness.client import Client
from harness.engine import resident_bytes
from harness.raw_http import read_to_end

HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
both = pytest.mark.parametrize("daemon", ["query", "catalog"])


def exchange(client: Client, sent: bytes) -> bytes:
    with client.connect() as connection:
        connection.sendall(sent)
        return read_to_end(connection)


AMBIGUOUS = {
    b"Transfer-Encoding: identity": 400,
    b"Transfer-Encoding: xchunked": 400,
    b"Transfer-Encoding: chunked, identity": 400,
    b"Transfer-Encoding: gzip, chunked": 501,
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked": 400,
    b"Transfer-Encoding: chunked\r\nContent-Length: 5": 400,
    b"Transfer-Encoding: identity\r\nContent-Length: 5": 400,
    b"Content-Length: 5\r\nContent-Length: 5": 400,
    b"Content-Length: 5, 5": 400,
    b"Content-Length: +5": 400,
}


@both
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("fields", AMBIGUOUS, ids=range(len(AMBIGUOUS)))
def test_request_with_an_ambiguous_length_ends_the_connection(shared_lake, daemon, version, fields):
    sent = b"POST /sql HTTP/" + version + b"\r\n" + HEAD + fields + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    received = exchange(getattr(shared_lake, daemon), sent)
    status = 400 if version == b"1.0" else AMBIGUOUS[fields]
    assert received.startswith(b"HTTP/1.1 %d " % status), received
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in received


def test_ambiguous_requests_are_logged(shared_lake):
    exchange(shared_lake.query, b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
    shared_lake.queryd.wait_for_line("request of ambiguous length", "peer=127.0.0.1")


@both
def test_request_target_may_be_an_absolute_url(shared_lake, daemon):
    client = getattr(shared_lake, daemon)
    assert client.get(f"http://{client.address}/healthz").text == "ok\n"
    client.get("http://evil.example/healthz").expect_text_error(
        403, "host evil.example is not allowed: add it to http.allowed_hosts"
    )


def zstd(text: bytes) -> bytes:
    return pa.compress(text, codec="zstd", asbytes=True)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_body_may_be_compressed(shared_lake, coding, pack):
    encoded = {"Content-Encoding": coding}
    text = b'{"sql":"SELECT 42 AS n"}'
    body = pack(text)
    assert shared_lake.query.request("POST", "/sql", body, encoded).rows() == [[42]]
    key = shared_lake.files.put_rows("packed.parquet", "SELECT 1 AS n")
    manifest = json.dumps({"objects": [{"key": key}]}).encode()
    path = f"/catalog/datasets/packed_{coding}"
    assert shared_lake.catalog.request("PUT", path, pack(manifest), encoded).status == 201
    plain = {"Content-Encoding": "identity"}
    assert shared_lake.query.request("POST", "/sql", text, plain).rows() == [[42]]
    assert shared_lake.query.request("POST", "/sql", body, {"Content-Encoding": "br"}).status == 415
    shared_lake.query.request("POST", "/sql", b"plain", encoded).expect_error(
        400, f"cannot decode the request's body: {coding}: "
    )


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_compressed_bomb_is_refused_at_the_limit(shared_lake, coding, pack):
    bomb = pack(b'{"sql":"' + b" " * 60_000_000 + b'"}')
    assert len(bomb) < 65536
    client, pid = shared_lake.query, shared_lake.queryd.process.pid
    before = resident_bytes(pid)
    for _ in range(5):
        client.request("POST", "/sql", bomb, {"Content-Encoding": coding}).expect_text_error(
            413, "sql body too large"
        )
    assert resident_bytes(pid) - before < 30_000_000


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_body_of_many_empty_members_is_refused(shared_lake, coding):
    """Each block takes time, and none adds to the size."""
    # RFC 8878: an empty raw block as the last one, after a header without a content size.
    empty = gzip.compress(b"") if coding == "gzip" else bytes.fromhex("28b52ffd0000010000")
    parts = "members" if coding == "gzip" else "frames"
    path = "/catalog/datasets/members"
    shared_lake.catalog.request(
        "PUT", path, 100_000 * empty, {"Content-Encoding": coding}
    ).expect_error(400, f"cannot decode the request's body: {coding}: {parts}: more than 1000: ")
