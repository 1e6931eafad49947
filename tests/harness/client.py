"""A small HTTP client that sends exact bytes and records every response."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from harness.recorder import Recorder

DEFAULT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "")

    def json(self) -> Any:
        """The JSON with fractions as Decimal, so that no digit is lost."""
        return json.loads(self.body, parse_float=Decimal)

    def rows(self) -> list[list[Any]]:
        assert self.status == 200, f"{self.status}: {self.text}"
        return self.json()["rows"]

    def expect_text_error(self, status: int, message: str) -> None:
        """Checks that the whole body is the message and a newline."""
        assert (self.status, self.text) == (status, message + "\n")
        assert self.content_type == "text/plain; charset=utf-8"

    def expect_error(self, status: int, start: str) -> str:
        """Checks that the response is a text error that starts like this, and returns
        the message."""
        assert self.status == status, f"{self.status}: {self.text[:2000]}"
        assert self.content_type == "text/plain; charset=utf-8"
        assert self.text.startswith(start), self.text
        assert self.text.endswith("\n")
        return self.text[:-1]


class Client:
    """A client that opens a connection for each request, so that tests do not depend on
    each other."""

    def __init__(
        self,
        address: str,
        recorder: Recorder,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        token: str = "",
    ):
        self.address = address
        self.token = token
        self._recorder = recorder
        self._timeout_s = timeout_s

    def request(
        self,
        method: str,
        target: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request. The caller must escape `target`."""
        if isinstance(body, str):
            body = body.encode()
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= headers or {}
        if body is not None and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, target, body=body, headers=sent)
            return self.read(connection.getresponse(), f"{method} {target}")
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=self._timeout_s)

    def read(self, response: http.client.HTTPResponse, label: str) -> Answer:
        """Reads and records a response. Raises http.client.IncompleteRead if it is incomplete."""
        head = response.headers.as_bytes()
        try:
            body = response.read()
        except http.client.IncompleteRead as error:
            self._recorder.record(label, head + error.partial)
            raise
        self._recorder.record(label, f"{response.status} {response.reason}\n".encode() + head)
        self._recorder.record(label, body)
        return Answer(response.status, response.headers, body)

    def with_token(self, token: str) -> "Client":
        return Client(self.address, self._recorder, self._timeout_s, token)

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", target, headers=headers)

    def sql(self, text: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        return self.request("POST", "/sql", json.dumps({"sql": text, **options}), headers)

    def ready(self) -> bool:
        return self.get("/readyz").status == 200

    # --- the catalogue

    def list(self) -> dict[str, Any]:
        answer = self.get("/catalog/list")
        assert answer.status == 200, f"{answer.status}: {answer.text}"
        return answer.json()

    def revision(self) -> int:
        return self.list()["revision"]

    def put(self, name: str, manifest: Any) -> Answer:
        body = manifest if isinstance(manifest, bytes | str) else json.dumps(manifest)
        return self.request("PUT", dataset_path(name), body)

    def put_keys(self, name: str, *keys: str, **fields: Any) -> dict[str, Any]:
        """Registers objects under a name, which must succeed."""
        answer = self.put(name, {"objects": [{"key": key} for key in keys], **fields})
        assert answer.status in (200, 201), f"{answer.status}: {answer.text}"
        return answer.json()

    def manifest(self, name: str) -> Answer:
        return self.get(dataset_path(name))

    def delete(self, name: str) -> Answer:
        return self.request("DELETE", dataset_path(name))

    # --- below HTTP

    def connect(self) -> socket.socket:
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=self._timeout_s)

    def send_sql(self, text: str, query_id: str, **options: Any) -> socket.socket:
        """Sends a query and returns the connection, for tests of clients that stall
        or disconnect."""
        body = json.dumps({"sql": text, **options}).encode()
        head = f"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: {query_id}\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        connection = self.connect()
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return connection

    def raw(self, *parts: bytes, method: str = "POST") -> Answer:
        """Sends these bytes and reads one response, also for an incomplete request."""
        with self.connect() as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The server may respond and stop reading earlier.
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return self.read(response, "a raw request")


class TlsClient(Client):
    """A client for HTTPS that trusts the CAs of `context`."""

    def __init__(self, address: str, recorder: Recorder, context: ssl.SSLContext) -> None:
        super().__init__(address, recorder)
        self.context = context

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(
            self.address, timeout=self._timeout_s, context=self.context
        )

    def connect(self) -> ssl.SSLSocket:
        return self.context.wrap_socket(super().connect(), server_hostname="localhost")


def dataset_path(name: str) -> str:
    escaped = quote(name, safe="")
    if name in (".", ".."):
        escaped = escaped.replace(".", "%2E")
    return "/catalog/datasets/" + escaped


def quoted(identifier: str) -> str:
    """Quotes an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'
