"""Very long texts from a query are cut before they are sent, cached or logged."""

import http.client
import json

import pytest
from harness.engine import Memory

# The limit of a message, the "query: " before it, and the newline or the JSON around it.
ANSWER_BYTES_MAX = 4096 + 200
TEXT_BYTES = 20_000_000
# Each uncut message would fill two frames of the engine and the front.
ROUNDS = 10
LONG_ERROR = f"SELECT error(repeat('x', {TEXT_BYTES}))"
# Fails after the response has begun, so that NDJSON has the reason in its last line.
LATE_ERROR = (
    f"SELECT CASE WHEN n = 2999999 THEN error(repeat('x', {TEXT_BYTES})) ELSE n END"
    " FROM range(3000000) t(n)"
)


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_error_message_is_truncated(shared_lake, accept):
    for _ in range(ROUNDS):
        answer = shared_lake.query.sql(LONG_ERROR, {"Accept": accept})
        assert answer.status == 400
        assert "xxxx" in answer.text
        assert len(answer.body) < ANSWER_BYTES_MAX


def test_error_message_is_stored_and_logged_truncated(lake):
    lake.query.sql(LONG_ERROR)
    log_before = len(lake.queryd.log)
    with Memory(lake.queryd) as memory:
        for _ in range(ROUNDS):
            lake.query.sql(LONG_ERROR)
        listed = lake.query.get("/queries")
    print(f"GET /queries: {len(listed.body)} bytes; {memory}")
    assert len(listed.body) < (ROUNDS + 1) * (ANSWER_BYTES_MAX + 1000)
    assert all(len(query["error"]) <= 4096 for query in listed.json()["queries"])
    assert len(lake.queryd.log) - log_before < 3 * ROUNDS * ANSWER_BYTES_MAX
    assert memory.front_growth < 2 * TEXT_BYTES, str(memory)


def test_error_at_the_end_of_a_response_is_truncated(shared_lake):
    connection = http.client.HTTPConnection(shared_lake.query.address, timeout=60)
    body = json.dumps({"sql": LATE_ERROR})
    connection.request("POST", "/sql", body, {"Accept": "application/x-ndjson"})
    with pytest.raises(http.client.IncompleteRead) as cut:
        connection.getresponse().read()
    connection.close()
    last = cut.value.partial.rstrip().rpartition(b"\n")[2]
    assert b"xxxx" in last
    assert len(last) < ANSWER_BYTES_MAX


def test_long_query_text_is_stored_truncated(new_lake):
    new_lake.set("queryd", sql_body_bytes_max=16_000_000).start()
    text = "SELECT length('" + "x" * 10_000_000 + "')"
    assert new_lake.query.sql(text).rows() == [[10_000_000]]
    new_lake.query.sql(text + " + nothing").expect_error(400, "query: ")
    assert len(new_lake.query.get("/queries").body) < 12_000
    assert len(new_lake.queryd.log) < 100_000
