"""Compressed results of POST /sql."""

import json

import pytest
from harness.client import Client
from harness.formats import LARGE, MIDDLE, SMALL, ask, decoded, each_format, is_chunked, read


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    return shared_lake.query


@each_format
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("text", [MIDDLE, LARGE], ids=["whole", "chunked"])
def test_compressed_body_equals_the_uncompressed_one(client, name, encoding, text):
    if text == LARGE:
        # Without long repetitions, so that it is large when compressed too.
        text = "SELECT n, md5(n::VARCHAR) AS t FROM range(80000) t(n)"
    plain = ask(client, text, name)
    answer = ask(client, text, name, {"Accept-Encoding": encoding})
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.content_type == plain.content_type
    assert is_chunked(answer) == is_chunked(plain) == ("md5" in text)
    assert len(answer.body) < len(plain.body)
    assert decoded(answer) == plain.body


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0.5, gzip;q=0.5", "zstd"),
        ("gzip;q=0, zstd", "zstd"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0.0", None),
        ("gzip;q=0", None),
        ("identity", None),
        ("br, deflate", None),
        ("", None),
    ],
)
def test_accept_encoding_weights_are_respected(client, accept, encoding):
    answer = client.sql(MIDDLE, {"Accept-Encoding": accept})
    assert answer.headers.get("Content-Encoding") == encoding
    assert json.loads(decoded(answer))["row_count"] == 1000


@each_format
def test_small_result_is_not_compressed(client, name):
    answer = ask(client, SMALL, name, {"Accept-Encoding": "gzip, zstd"})
    assert len(answer.body) < 1024
    assert "Content-Encoding" not in answer.headers
    read(name, answer.body)


@pytest.mark.parametrize(("size", "encoding"), [(1023, None), (1024, "gzip")])
def test_compression_starts_at_one_kibibyte(client, size, encoding):
    text = "SELECT repeat('x', {}) AS t"
    frame = len(client.sql(text.format(0)).body)
    answer = client.sql(text.format(size - frame), {"Accept-Encoding": "gzip"})
    assert answer.headers.get("Content-Encoding") == encoding
    assert len(decoded(answer)) == size


@each_format
@pytest.mark.parametrize("accept", ["gzip", "identity"])
@pytest.mark.parametrize("text", [SMALL, MIDDLE, LARGE], ids=["small", "middle", "large"])
def test_vary_has_the_headers_of_the_request(client, name, accept, text):
    answer = ask(client, text, name, {"Accept-Encoding": accept})
    varies = {field.strip().lower() for field in answer.headers["Vary"].split(",")}
    assert varies == {"accept", "accept-encoding"}
