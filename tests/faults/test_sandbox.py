"""The engine process gives up access that it does not need, and queries work as before.
src/engine/sandbox/sandbox_test.cc tests each refused call. These tests use a real process in a
real lake: all its threads are in the sandbox, and it has the access that it needs."""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engine import engine_pid, engine_pids, metric, probe_pids
from harness.store import parquet
from harness.waiting import wait_until

ENTERED = re.compile(r'sandbox="landlock=(\d+) seccomp=on"')


def threads(pid: int) -> dict[str, dict[str, str]]:
    """Returns the status of each thread in /proc, by the name of the thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except FileNotFoundError:
            continue  # The thread has just ended.
        status = dict(line.split(":", 1) for line in lines)
        found[f"{task.name} {status['Name'].strip()}"] = {k: v.strip() for k, v in status.items()}
    return found


def test_every_thread_is_in_the_sandbox(new_lake):
    lake = new_lake.set("queryd", threads=3).start()
    lake.add("numbers", "SELECT n FROM range(1000000) t(n)")
    lake.wait_for_refresh("created=1")
    lake.query.sql("SELECT count(*) FROM (SELECT DISTINCT n FROM numbers)").rows()
    (probes,) = probe_pids(lake.queryd)
    check_threads(engine_pid(lake.queryd), "tarn-engine", "query-0", "watchdog", "progress")
    check_threads(probes, "tarn-engine", "probe", "watchdog", "progress")
    for line in ("engine ready", "probe process ready"):
        assert ENTERED.search(lake.queryd.lines(line)[-1])
    assert metric(lake.query, "tarn_engine_sandboxed") == 1
    assert not lake.queryd.lines("sandbox of the engine is not complete")


def check_threads(pid: int, *expected: str) -> None:
    """Checks that each thread of the process is in the sandbox, and that these are among them."""
    seen = threads(pid)
    names = " ".join(seen)
    for name in expected:
        assert name in names, names
    for thread, status in seen.items():
        assert status["NoNewPrivs"] == "1", thread
        assert status["Seccomp"] == "2", thread
        # At most the rights to read files: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH.
        assert int(status["CapPrm"], 16) & ~0b110 == 0, thread
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits), limits
    # Processes of the same user cannot read its memory.
    assert Path(f"/proc/{pid}/mem").stat().st_uid == 0


def test_program_started_by_the_front_is_not_in_the_sandbox(lake):
    """The front is not in the sandbox, because it starts programs (the next engine)."""
    (status, *_) = threads(lake.queryd.process.pid).values()
    assert status["Seccomp"] == "0"


def test_next_engine_is_in_the_sandbox_too(lake):
    first = engine_pid(lake.queryd)
    os.kill(first, 9)
    wait_until(lambda: engine_pid(lake.queryd) != first, "another engine is ready")
    for thread, status in threads(engine_pid(lake.queryd)).items():
        assert status["Seccomp"] == "2", thread


def test_engine_does_not_inherit_the_environment_or_input_of_the_front(new_lake):
    secrets = {"DB_PASSWORD": "pw", "GITHUB_TOKEN": "t", "AWS_SESSION_TOKEN": "s", "TARN_X": "y"}
    needed = {"TZ": "Asia/Tokyo", "no_proxy": "localhost", "SSL_CERT_DIR": "/etc/ssl/certs"}
    terminal = new_lake.folder / "terminal"
    terminal.write_text("typed\n")
    new_lake.start_catalogd()
    new_lake.under = ["sh", "-c", 'exec "$@" <"$0"', terminal]
    new_lake.start_queryd(secrets | needed)
    front = new_lake.queryd.process.pid
    assert Path(f"/proc/{front}/fd/0").readlink() == terminal
    pid = engine_pid(new_lake.queryd)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    for name, value in secrets.items():
        assert f"{name}={value}" not in variables
    for name, value in needed.items():
        assert f"{name}={value}" in variables
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]


def test_engine_spills_into_its_own_folder(new_lake):
    spill = new_lake.folder / "spill"
    new_lake.set("queryd", memory_limit="100MB", temp_directory=str(spill)).start()
    sql = "SELECT count(*) FROM (SELECT DISTINCT repeat(n::VARCHAR, 10) FROM range(3000000) t(n))"
    most = [0]

    def look() -> None:
        while not over.wait(0.01):
            files = [path.stat().st_size for path in spill.glob("tarn-spill-*/*/*")]
            most[0] = max(most[0], sum(files))

    over = threading.Event()
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        assert new_lake.query.sql(sql).rows() == [[3000000]]
    finally:
        over.set()
        watcher.join()
    assert most[0] > 0, "nothing was spilled, so the test proves nothing"


def test_sandbox_can_be_disabled(new_lake):
    lake = new_lake.set("queryd", sandbox="off").start()
    for thread, status in threads(engine_pid(lake.queryd)).items():
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("0", "0"), thread
    assert "sandbox=off" in lake.queryd.lines("engine ready")[-1]
    assert metric(lake.query, "tarn_engine_sandboxed") == 0
    assert not lake.queryd.lines("sandbox of the engine is not complete")


def test_require_starts_if_the_kernel_has_everything(new_lake):
    lake = new_lake.set("queryd", sandbox="require").start()
    assert lake.query.sql("SELECT 1").rows() == [[1]]


# --- older kernels -----------------------------------------------------------------------


@pytest.fixture
def old_kernel(scratch) -> Path:
    """A wrapper without Landlock and seccomp filters, as on an old kernel.

    It is a seccomp filter itself, which answers ENOSYS to both. Landlock's calls are 444 to 446.
    """
    source = scratch / "old_kernel.c"
    source.write_text(
        """
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char** argv) {
  (void)argc;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 446, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 444, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)};
  struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 1;
  execv(argv[1], argv + 1);
  return 1;
}
"""
    )
    program = scratch / "old_kernel"
    subprocess.run(["cc", "-o", program, source], check=True, timeout=60)
    return program


MISSING = "files (Landlock, Linux 5.13), TCP (Landlock 4, Linux 6.7), system calls (seccomp)"


def test_kernel_without_restrictions_is_a_warning(new_lake, old_kernel):
    new_lake.start_catalogd()
    new_lake.under = [old_kernel]
    new_lake.start_queryd()
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]
    (line,) = new_lake.queryd.lines("sandbox of the engine is not complete")
    assert " WARN " in line
    assert MISSING in line
    assert metric(new_lake.query, "tarn_engine_sandboxed") == 0
    # The next engine has the same kernel, and does not repeat the warning.
    first = engine_pid(new_lake.queryd)
    os.kill(first, 9)
    wait_until(lambda: engine_pid(new_lake.queryd) != first, "another engine is ready")
    assert len(new_lake.queryd.lines("sandbox of the engine is not complete")) == 1


def test_require_fails_on_a_kernel_without_restrictions(new_lake, old_kernel):
    new_lake.start_catalogd()
    new_lake.under = [old_kernel]
    new_lake.set("queryd", sandbox="require")
    error = new_lake.run_to_exit().the_error()
    assert "queryd.sandbox" in error
    assert MISSING in error


# --- access that the engine needs --------------------------------------------------------


class TlsStore:
    """A TLS server with the name localhost and a self-signed certificate."""

    def __init__(self, folder: Path) -> None:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
            + ["-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # A client that does not trust the certificate sends no request.
        with contextlib.suppress(OSError), client:
            with self._context.wrap_socket(client, server_side=True) as tls:
                tls.recv(1)


@pytest.fixture
def tls_store(scratch) -> Iterator[TlsStore]:
    tls = TlsStore(scratch)
    yield tls
    tls.close()


def test_engine_resolves_names_and_verifies_certificates(new_lake, tls_store):
    """Both clients read files at the time of the request. The error that this certificate is not
    trusted shows that the list of trusted CAs was read; otherwise the error would be about this
    list."""
    new_lake.set("s3", endpoint=tls_store.url).start()
    new_lake.add("numbers", "SELECT n FROM range(1000) t(n)")
    refused = new_lake.queryd.wait_for_line("refresh failed")
    assert "SSL peer certificate" in refused
    assert "localhost" in refused
    assert tls_store.connections > 0
    assert ENTERED.search(new_lake.queryd.lines("engine ready")[-1])


def test_engine_reads_a_folder_in_place_of_a_store(new_lake):
    root = new_lake.folder / "srv"
    (root / "lake").mkdir(parents=True)
    (root / "lake" / "inside.parquet").write_bytes(parquet("SELECT 42 AS x"))
    new_lake.set("s3", endpoint=f"file://{root}", bucket="lake").start()
    new_lake.catalog.put_keys("inside", "inside.parquet")
    new_lake.wait_for_rows("inside", [[42]])
    assert ENTERED.search(new_lake.queryd.lines("engine ready")[-1])


def test_replaced_engines_do_not_keep_running(lake):
    """A front that cannot signal its engines would leave them running."""
    first = engine_pid(lake.queryd)
    lake.queryd.stop()
    assert not Path(f"/proc/{first}").exists()
    assert engine_pids(lake.queryd) == []
