"""A real S3 server (SeaweedFS), and a view of one folder of its bucket."""

import contextlib
import json
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import duckdb

from harness import programs
from harness.ports import free_ports
from harness.processes import Daemon
from harness.recorder import Credentials, Recorder
from harness.waiting import wait_until

REGION = "eu-test-1"
BUCKET = "lake"


class Store:
    """A server with one bucket. It verifies signatures."""

    def __init__(
        self,
        folder: Path,
        credentials: Credentials,
        recorder: Recorder,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        """Starts the server. With `tls`, a certificate and its key, it also serves HTTPS on another
        port."""
        self.credentials = credentials
        data = folder / "data"
        data.mkdir(parents=True)
        self._identities = folder / "s3.json"
        self._identities.write_text(identities(credentials))
        names = ["master", "volume", "filer", "s3"]
        ports = dict(zip([x for n in names for x in (n, f"{n}.grpc")], free_ports(8), strict=True))
        self.address = f"127.0.0.1:{ports['s3']}"
        flags = [f"-{n}.port={ports[n]}" for n in names]
        flags += [f"-{n}.port.grpc={ports[f'{n}.grpc']}" for n in names]
        if tls:
            port = free_ports(1)[0]
            self.tls_url = f"https://127.0.0.1:{port}"
            flags += [f"-s3.port.https={port}", f"-s3.cert.file={tls[0]}", f"-s3.key.file={tls[1]}"]
        # The server's own log has the key ids that it checks, so the recorder does not watch it.
        self._server = Daemon(
            [
                programs.weed(),
                "server",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=1024",
                "-volume.max=20",
                "-s3",
                f"-s3.config={self._identities}",
                # Both would use a fixed port.
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.localSocket={folder / 's3.sock'}",
                f"-filer.localSocket={folder / 'filer.sock'}",
                *flags,
            ],
            folder=folder,
            recorder=Recorder(),
        )
        self._others: set[Credentials] = set()
        self.client = self._client(credentials)
        self._server.wait_for(self._bucket_made, "the S3 server makes a bucket", 60)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def _bucket_made(self) -> bool:
        # The server confirms a new bucket before it can store objects in it.
        with contextlib.suppress(
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        ):
            with contextlib.suppress(self.client.exceptions.BucketAlreadyExists):
                self.client.create_bucket(Bucket=BUCKET)
            self.client.put_object(Bucket=BUCKET, Key="probe", Body=b"x")
            return self.client.get_object(Bucket=BUCKET, Key="probe")["Body"].read() == b"x"
        return False

    def accept(self, *others: Credentials, readers: tuple[Credentials, ...] = ()) -> None:
        """Makes the server accept these keys and its own first ones, and no others. The keys of
        `readers` can only read."""
        self._identities.write_text(identities(self.credentials, *others, readers=readers))
        self._server.send(signal.SIGHUP)
        others = (*others, *readers)
        dropped = self._others - set(others)
        self._others = set(others)
        wait_until(
            lambda: all(map(self._takes, others)) and not any(map(self._takes, dropped)),
            "the S3 server has read its keys again",
            poll_s=0.1,
        )

    def _takes(self, credentials: Credentials) -> bool:
        with contextlib.suppress(botocore.exceptions.ClientError):
            self._client(credentials).head_bucket(Bucket=BUCKET)
            return True
        return False

    def _client(self, credentials: Credentials):
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            config=botocore.config.Config(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 0},
                connect_timeout=2,
                read_timeout=10,
            ),
        )

    def close(self) -> None:
        self._server.kill()


def identities(*accepted: Credentials, readers: tuple[Credentials, ...] = ()) -> str:
    """Returns the server's configuration, which gives all rights to all of them but `readers`."""

    def identity(name: str, credentials: tuple[Credentials, ...], *actions: str) -> dict[str, Any]:
        keys = [
            {"accessKey": one.access_key_id, "secretKey": one.secret_access_key}
            for one in credentials
        ]
        return {"name": name, "credentials": keys, "actions": list(actions)}

    # The server keeps identities that are no longer in its configuration.
    found = [
        identity("admin", accepted, "Admin", "Read", "Write", "List", "Tagging"),
        identity("reader", readers, "Read", "List"),
    ]
    return json.dumps({"identities": found})


class Folder:
    """The keys below one prefix, so that tests do not affect each other."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store = store
        self.prefix = prefix

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def put(self, name: str, data: bytes) -> str:
        """Stores bytes and returns the whole key."""
        key = self.key(name)
        self.store.client.put_object(Bucket=BUCKET, Key=key, Body=data)
        return key

    def put_rows(self, name: str, select: str) -> str:
        """Stores the result of a query as Parquet and returns the whole key."""
        return self.put(name, parquet(select))

    def delete(self, name: str) -> None:
        self.store.client.delete_object(Bucket=BUCKET, Key=self.key(name))

    def keys(self) -> list[str]:
        pages = self.store.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=BUCKET, Prefix=self.prefix + "/")
        return [item["Key"] for page in found for item in page.get("Contents", [])]


_LOCAL = threading.local()


def parquet(select: str) -> bytes:
    """Returns the bytes of a Parquet file with the result of a query."""
    with _scratch_file() as path:
        local_duckdb().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


def local_duckdb() -> duckdb.DuckDBPyConnection:
    """DuckDB in this process, for test data and expected results."""
    if not hasattr(_LOCAL, "connection"):
        _LOCAL.connection = duckdb.connect(config={"threads": 1})
    return _LOCAL.connection


@contextlib.contextmanager
def _scratch_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "rows.parquet"
