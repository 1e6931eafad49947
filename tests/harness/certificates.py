"""Certificates from a CA for the tests, made with the openssl program."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str
    serial: int

    def write(self, cert_path: Path, key_path: Path) -> None:
        """Replaces each file atomically, one after the other."""
        replace(key_path, self.key)
        replace(cert_path, self.certificate)


class Authority:
    """A CA. `path` is its certificate, which clients trust."""

    def __init__(self, folder: Path, name: str = "tarn test CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.path = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._count = 0
        subject = ("-subj", f"/CN={name}", "-days", "30")
        _openssl("req", "-x509", *_CURVE, "-keyout", self._key, "-out", self.path, *subject)

    def issue(self, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 10) -> Pair:
        self._count += 1
        serial = 1000 + self._count
        key, request = self._folder / f"{serial}.key", self._folder / f"{serial}.csr"
        extensions, out = self._folder / f"{serial}.ext", self._folder / f"{serial}.pem"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_CURVE, "-keyout", key, "-out", request, "-subj", "/CN=tarn test")
        signed = ("-CA", self.path, "-CAkey", self._key, "-set_serial", str(serial))
        times = ("-days", str(days), "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signed, *times, "-out", out)
        return Pair(out.read_text(), key.read_text(), serial)


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(mode)
    os.replace(new, path)


def _openssl(*args: str | Path) -> None:
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
