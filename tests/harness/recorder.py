"""Proves that credentials never leave: looks for them in every log byte and HTTP answer.

`new_credentials` makes every secret of the suite, with a core of random letters and digits in
each part. No escaping that is in use (percent, SQL quotes, JSON, shell, XML) changes letters or
digits, so one case-insensitive search for the core finds the value in all of those forms. Base64
does change them, and is searched for by itself.
"""

import base64
import os
import random
import string
from dataclasses import dataclass
from pathlib import Path

_ALPHABET = string.ascii_uppercase + string.digits
_CORE_CHARS = 16


def _core() -> str:
    return "".join(random.SystemRandom().choices(_ALPHABET, k=_CORE_CHARS))


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Recorder:
    """Checks after each test and at the end that no secret was recorded. One for each
    test session."""

    def __init__(self) -> None:
        self._needles: list[tuple[str, bytes]] = []
        self._files: dict[Path, int] = {}
        self._answers: list[tuple[str, bytes]] = []
        self.bytes_scanned = 0

    def new_credentials(self, with_token: bool = False) -> Credentials:
        cores = [_core() for _ in range(3)]
        credentials = Credentials(
            access_key_id=f"AKTARN{cores[0]}",
            # Characters that need quotes in a URL, in SQL and in a shell.
            secret_access_key=f"tarn/+='{cores[1]}%2F/+=",
            session_token=f"Fwo/+=''{cores[2]}==" if with_token else "",
        )
        for kind, core, whole in (
            ("access key id", cores[0], credentials.access_key_id),
            ("secret access key", cores[1], credentials.secret_access_key),
            ("session token", cores[2], credentials.session_token),
        ):
            self._needles.append((kind, core.lower().encode()))
            if whole:
                encoded = base64.b64encode(whole.encode()).rstrip(b"=")
                # Without the last characters, which depend on the following text.
                self._needles.append((f"{kind} in base64", encoded[:-2].lower()))
        return credentials

    def add_secret(self, kind: str, text: str) -> None:
        """Adds a secret of letters, digits and other characters that no escaping changes."""
        self._needles.append((kind, text.lower().encode()))

    def watch(self, path: Path) -> None:
        """Checks every byte of this file, now and when it grows."""
        self._files.setdefault(path, 0)

    def record(self, label: str, answer: bytes) -> None:
        self._answers.append((label, answer))

    def find_in(self, data: bytes) -> list[str]:
        lowered = data.lower()
        return [kind for kind, needle in self._needles if needle in lowered]

    def check(self) -> None:
        """Fails if anything recorded since the last call has a secret."""
        leaks = []
        for label, answer in self._answers:
            self.bytes_scanned += len(answer)
            leaks += [f"{kind} in the answer to {label}" for kind in self.find_in(answer)]
        self._answers.clear()
        for path, done in self._files.items():
            fresh = self._read_new(path, done)
            if fresh:
                leaks += [f"{kind} in {path.name}" for kind in self.find_in(fresh)]
        assert not leaks, "credentials left the process: " + "; ".join(sorted(set(leaks)))

    def _read_new(self, path: Path, done: int) -> bytes:
        """Returns the bytes after `done`. Most of the hundreds of files have none after a test."""
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            return b""
        if size == done:
            return b""
        # Repeats the last bytes, because a value can have been written in parts.
        begin = max(0, done - 512) if size > done else 0
        with path.open("rb") as file:
            file.seek(begin)
            fresh = file.read()
        self._files[path] = begin + len(fresh)
        self.bytes_scanned += len(fresh)
        return fresh
