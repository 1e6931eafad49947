"""A TCP proxy that can stall, refuse, or send fixed bytes, to simulate faults of a server."""

import contextlib
import socket
import threading
import time
from enum import Enum

_CHUNK = 64 * 1024


class Mode(Enum):
    PASS = "pass"
    STALL = "stall"  # Accepts and reads, but passes nothing on until the mode changes.
    REFUSE = "refuse"  # Closes every connection at once.
    ANSWER = "answer"  # Sends fixed bytes for every request, then closes.


class TcpProxy:
    """A context manager. Its threads end with it."""

    def __init__(self, upstream: str, delay_s: float = 0.0) -> None:
        host, _, port = upstream.rpartition(":")
        # The delay of each piece from a client. A small request is one piece.
        self.delay_s = delay_s
        # Pieces from a client that contain these bytes are not passed on; empty: none.
        self.held_back = b""
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._changed = threading.Condition()
        self._mode = Mode.PASS  # Guarded by _changed, like the following fields.
        self._answer = b""
        self._closed = False
        self._held = 0
        self._requests = bytearray()
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="proxy-accept", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> "TcpProxy":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop_connections()

    def pass_on(self) -> None:
        self._set(Mode.PASS)

    def stall(self) -> None:
        self._set(Mode.STALL)

    def refuse(self) -> None:
        self._set(Mode.REFUSE)
        self._drop_connections()

    def answer(self, data: bytes) -> None:
        """Sends this HTTP response for every request from now on."""
        self._set(Mode.ANSWER, data)
        self._drop_connections()

    def held(self) -> int:
        """Returns the number of reads that wait in a stalled proxy."""
        with self._changed:
            return self._held

    def count(self, part: bytes) -> int:
        """Returns how often clients sent these bytes."""
        with self._changed:
            return self._requests.count(part)

    def _set(self, mode: Mode, answer: bytes = b"") -> None:
        with self._changed:
            self._mode = mode
            self._answer = answer
            self._changed.notify_all()

    def _drop_connections(self) -> None:
        with self._changed:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._changed:
            mode, answer = self._mode, self._answer
            self._sockets.add(client)
        try:
            if mode is Mode.REFUSE:
                return
            if mode is Mode.ANSWER:
                self._note(client.recv(_CHUNK))
                client.sendall(answer)
                return
            with socket.create_connection(self._upstream, timeout=30) as server:
                server.settimeout(None)
                with self._changed:
                    self._sockets.add(server)
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server, note=True)
                back.join()
                with self._changed:
                    self._sockets.discard(server)
        except OSError:
            pass  # Both sides may close at any time.
        finally:
            with self._changed:
                self._sockets.discard(client)
            client.close()

    def _pump(self, source: socket.socket, target: socket.socket, note: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if note:
                    self._note(data)
                    time.sleep(self.delay_s)
                    self._wait_while_held_back(data)
                self._wait_while_stalled()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _note(self, data: bytes) -> None:
        with self._changed:
            self._requests += data

    def _wait_while_held_back(self, data: bytes) -> None:
        with self._changed:
            while self.held_back and self.held_back in data and not self._closed:
                self._changed.wait(0.1)

    def _wait_while_stalled(self) -> None:
        with self._changed:
            self._held += 1
            self._changed.wait_for(lambda: self._closed or self._mode is not Mode.STALL)
            self._held -= 1
