"""Real Iceberg clients of catalogd: PyIceberg and DuckDB's iceberg extension."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.catalog.rest import RestCatalog

from harness import programs
from harness.client import Answer, Client, dataset_path, quoted
from harness.lake import Lake
from harness.recorder import Credentials
from harness.store import BUCKET, REGION

NAMESPACE = "lake"
TABLES = f"/iceberg/v1/namespaces/{NAMESPACE}/tables"


def register(lake: Lake, name: str, *keys: str, client: Client | None = None) -> Answer:
    """Registers objects of the bucket with their ETags, as `tarn put` does."""
    heads = {key: lake.files.store.client.head_object(Bucket=BUCKET, Key=key) for key in keys}
    objects = [
        {"key": key, "etag": head["ETag"], "size": head["ContentLength"]}
        for key, head in heads.items()
    ]
    answer = (client or lake.catalog).put(name, {"objects": objects})
    assert answer.status in (200, 201), answer.text
    return answer


def add(lake: Lake, name: str, *selects: str) -> list[str]:
    """Stores an object for each query and registers them. Returns the keys."""
    keys = [lake.files.put_rows(f"{name}-{i}.parquet", select) for i, select in enumerate(selects)]
    register(lake, name, *keys)
    return keys


def load(client: Client, name: str) -> Answer:
    return client.get(f"{TABLES}/{dataset_path(name).rpartition('/')[2]}")


def expect_error(answer: Answer, status: int, kind: str) -> str:
    """Checks the whole error document and returns its message."""
    assert answer.status == status, answer.text
    assert answer.content_type == "application/json"
    document = answer.json()
    assert document.keys() == {"error"}
    assert document["error"].keys() == {"message", "type", "code"}
    assert (document["error"]["type"], document["error"]["code"]) == (kind, status)
    return document["error"]["message"]


def pyiceberg(
    lake: Lake, token: str = "", credentials: Credentials | None | str = "store"
) -> RestCatalog:
    """A catalog with keys of its own, those of the store by default."""
    properties: dict[str, str] = {
        "uri": f"http://{lake.catalog.address}/iceberg",
        "s3.endpoint": lake.files.store.url,
        "s3.region": REGION,
        "s3.force-virtual-addressing": "false",
    }
    keys = lake.files.store.credentials if credentials == "store" else credentials
    if isinstance(keys, Credentials):
        properties["s3.access-key-id"] = keys.access_key_id
        properties["s3.secret-access-key"] = keys.secret_access_key
    if token:
        properties["token"] = token
    return RestCatalog("tarn", **properties)


def attach(lake: Lake, token: str = "", vended: bool = False) -> duckdb.DuckDBPyConnection:
    """DuckDB with the catalog attached as `ice`, and with keys of its own unless vended."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_unsigned_extensions": "false",
        }
    )
    connection.execute(f"LOAD '{programs.extension('httpfs')}'")
    for name in ("avro", "iceberg"):
        connection.execute(f"LOAD '{_extension_of_wheel(name)}'")
    options = [f"TYPE iceberg, ENDPOINT 'http://{lake.catalog.address}/iceberg'"]
    if token:
        connection.execute(f"CREATE SECRET rest (TYPE iceberg, TOKEN '{token}')")
        options.append("SECRET rest")
    else:
        options.append("AUTHORIZATION_TYPE 'none'")
    if not vended:
        options.append("ACCESS_DELEGATION_MODE 'none'")
        keys = lake.files.store.credentials
        connection.execute(
            f"CREATE SECRET s3 (TYPE s3, KEY_ID {literal(keys.access_key_id)}, "
            f"SECRET {literal(keys.secret_access_key)}, REGION '{REGION}', "
            f"ENDPOINT '{lake.files.store.address}', URL_STYLE 'path', USE_SSL false)"
        )
    connection.execute(f"ATTACH '' AS ice ({', '.join(options)})")
    return connection


def _extension_of_wheel(name: str) -> Path:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    assert spec and spec.origin, f"install duckdb-extension-{name} (deps/python-test.txt)"
    found = list(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"))
    assert len(found) == 1, found
    return found[0]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def texts(columns: Iterable[str], order: str) -> str:
    """The list of columns as texts, which all engines format in the same way."""
    return ", ".join(f"CAST({quoted(one)} AS VARCHAR)" for one in columns) + f", {quoted(order)}"


def with_duckdb(connection: duckdb.DuckDBPyConnection, table: str, columns: str) -> list[list[Any]]:
    rows = connection.execute(
        f"SELECT {columns} FROM ice.{NAMESPACE}.{quoted(table)} ORDER BY ALL"
    ).fetchall()
    return [list(row) for row in rows]


def with_pyiceberg(catalog: RestCatalog, table: str, columns: str) -> list[list[Any]]:
    arrow: pa.Table = catalog.load_table((NAMESPACE, table)).scan().to_arrow()
    local = duckdb.connect()
    local.register("arrow", arrow)
    return [
        list(row) for row in local.execute(f"SELECT {columns} FROM arrow ORDER BY ALL").fetchall()
    ]


def with_queryd(lake: Lake, table: str, columns: str) -> list[list[Any]]:
    return lake.query.sql(f"SELECT {columns} FROM {quoted(table)} ORDER BY ALL").rows()
