"""Queries with parameters."""

import json
from typing import Any

from harness.client import Answer, Client

# The dataset `items`.
ITEMS = """
SELECT n::INTEGER AS id, n * 10 AS big, n::HUGEINT AS huge, n / 4 AS ratio,
       (n + 0.25)::DECIMAL(18,2) AS price, 'name ' || n AS name, n % 2 = 0 AS even,
       DATE '2026-01-01' + n::INTEGER AS day,
       TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (n) HOUR AS moment,
       [n, n + 1] AS list, {'k': n, 't': n::VARCHAR} AS pair,
       md5(n::VARCHAR)::UUID AS uuid, encode('blob ' || n) AS blob,
       CASE WHEN n % 5 = 0 THEN NULL ELSE n END AS hole
FROM range(20) t(n)
"""


def ask(client: Client, text: str, params: str | list | dict, **options: Any) -> Answer:
    """Sends a query. `params` as text is raw JSON, with all digits."""
    raw = params if isinstance(params, str) else json.dumps(params)
    rest = "".join(f", {json.dumps(key)}: {json.dumps(value)}" for key, value in options.items())
    return client.request("POST", "/sql", f'{{"sql": {json.dumps(text)}, "params": {raw}{rest}}}')


def value_and_type(client: Client, raw: str) -> tuple[Any, str]:
    """Returns the only cell, and the name of its type."""
    result = ask(client, "SELECT ? AS v", f"[{raw}]")
    assert result.status == 200, result.text
    ((value,),) = result.json()["rows"]
    return value, result.json()["columns"][0]["type"]
