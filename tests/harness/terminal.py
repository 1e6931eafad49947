"""A program in a pseudo-terminal, with its output as a user sees it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

_LIMIT_S = 20
# Escape sequences that move the cursor, set colours or clear.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r|\x07|\x08")


class Terminal:
    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        columns: int = 100,
        lines: int = 40,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            argv,
            env={**env, "TERM": "xterm"},
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._raw = b""
        self._seen = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    @property
    def raw(self) -> str:
        return self._raw.decode(errors="replace")

    @property
    def text(self) -> str:
        """Returns all output without escape sequences."""
        return _ESCAPES.sub("", self.raw)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, part: str, limit_s: float = _LIMIT_S) -> str:
        """Waits for a text, and returns the output since the last wait."""
        end = time.monotonic() + limit_s
        while part not in self.text[self._seen :]:
            left = end - time.monotonic()
            assert left > 0, f"no {part!r} in {self.text[self._seen :]!r}"
            assert self._read(left), f"it ended without {part!r}: {self.text[self._seen :]!r}"
        begin = self._seen
        self._seen = self.text.index(part, begin) + len(part)
        return self.text[begin : self._seen]

    def shows_soon(self, part: str) -> bool:
        """Returns true if the text appears within half a second."""
        end = time.monotonic() + 0.5
        while part not in self.text[self._seen :]:
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                return False
        return True

    def run(self, line: str, prompt: str = "tarn> ") -> str:
        """Types a line, and returns the output until the next prompt."""
        self.type(line + "\r")
        return self.wait_for(prompt)

    def wait_for_exit(self, limit_s: float = _LIMIT_S) -> int:
        end = time.monotonic() + limit_s
        while self._read(max(0.0, end - time.monotonic())):
            pass
        return self.process.wait(max(0.1, end - time.monotonic()))

    def _read(self, limit_s: float) -> bool:
        if not select.select([self._master], [], [], limit_s)[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # The program has closed its side.
            return False
        self._raw += piece
        return bool(piece)
