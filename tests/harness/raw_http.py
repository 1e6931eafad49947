"""Responses as the bytes of a connection."""

import contextlib
import http.client
import io
import socket

from harness.client import Answer, Client


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


class Received(io.BytesIO):
    """Bytes in place of a socket, for http.client."""

    def makefile(self, *_args, **_kwargs):
        return self

    def close(self) -> None:
        """http.client closes a socket after a response, but further ones may follow."""


def answers(client: Client, received: bytes, methods: list[str]) -> list[Answer]:
    """Returns all responses in these bytes, which must have nothing else."""
    file = Received(received)
    found = []
    for method in methods:
        response = http.client.HTTPResponse(file, method=method)
        response.begin()
        found.append(client.read(response, method))
    assert file.read() == b""
    return found
