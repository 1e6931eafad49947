"""TLS of both daemons, to catalogd and to the store, and changes of certificates."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority, Pair, replace
from harness.client import Client, TlsClient
from harness.lake import Lake
from harness.processes import Daemon
from harness.store import Folder, Store
from harness.waiting import wait_until

BOTH = pytest.mark.parametrize("side", ["query", "catalog"])


@pytest.fixture(scope="session")
def authority(session_folder) -> Authority:
    return Authority(session_folder / "ca")


@pytest.fixture(scope="session")
def stranger(session_folder) -> Authority:
    """A CA that is not trusted."""
    return Authority(session_folder / "stranger", "somebody else's CA")


@pytest.fixture(scope="module")
def tls_store(session_folder, recorder, authority) -> Iterator[Store]:
    """A store with a certificate from our CA for 127.0.0.1."""
    folder = session_folder / "s3tls"
    folder.mkdir()
    paths = (folder / "cert.pem", folder / "key.pem")
    authority.issue().write(*paths)
    store = Store(folder, recorder.new_credentials(), recorder, tls=paths)
    yield store
    store.close()


@pytest.fixture(scope="module")
def make_tls_lake(tls_store, session_folder, recorder) -> Iterator[Callable[[str], Lake]]:
    lakes: list[Lake] = []

    def make(name: str) -> Lake:
        folder = session_folder / f"tls-{name}"
        folder.mkdir()
        lakes.append(Lake(folder, Folder(tls_store, name), recorder))
        lakes[-1].set("s3", endpoint=tls_store.tls_url)
        return lakes[-1]

    yield make
    for lake in lakes:
        lake.close()


def context_for(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.path))


def cert_path(lake: Lake) -> Path:
    return lake.folder / "cert.pem"


def key_path(lake: Lake) -> Path:
    return lake.folder / "key.pem"


def show(lake: Lake, pair: Pair) -> None:
    pair.write(cert_path(lake), key_path(lake))


def start(lake: Lake, authority: Authority) -> Lake:
    """A lake with TLS everywhere."""
    show(lake, authority.issue())
    lake.settings["tls"] = {
        "cert_path": str(cert_path(lake)),
        "key_path": str(key_path(lake)),
        "ca_path": str(authority.path),
    }
    context = context_for(authority)
    address = lake.start_catalogd().address()
    lake.catalog = TlsClient(address, lake.recorder, context)
    lake.set("queryd", catalogd_url=f"https://{address}").start_queryd()
    lake.query = TlsClient(lake.queryd.address(), lake.recorder, context)
    return lake


@pytest.fixture(scope="module")
def lake(make_tls_lake, authority) -> Lake:
    return start(make_tls_lake("shared"), authority)


def serial_of(client: TlsClient) -> int:
    with client.connect() as connection:
        return int(connection.getpeercert()["serialNumber"], 16)


def metric(client: Client, name: str) -> float:
    line = next(x for x in client.get("/metrics").text.splitlines() if x.startswith(name + " "))
    return float(line.rpartition(" ")[2])


# --- servers


def test_lake_with_tls_everywhere(lake):
    lake.add("numbers", "SELECT n FROM range(3) t(n)")
    lake.wait_for_rows("numbers", [[0], [1], [2]])
    assert lake.query.ready()
    assert "tls=true" in lake.queryd.lines("listening")[0]


@BOTH
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(lake, authority, side, version):
    context = context_for(authority)
    context.minimum_version = context.maximum_version = version
    client = TlsClient(getattr(lake, side).address, lake.recorder, context)
    assert client.get("/healthz").text == "ok\n"


@BOTH
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_versions_are_refused(lake, authority, side, version):
    context = context_for(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    client = TlsClient(getattr(lake, side).address, lake.recorder, context)
    with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|protocol version"):
        client.connect()


@BOTH
def test_plain_http_request_gets_an_explanation(lake, side):
    plain = Client(getattr(lake, side).address, lake.recorder)
    plain.get("/healthz").expect_text_error(400, "this port speaks HTTPS: write https://")


def test_curl(lake, authority):
    port = lake.query.address.rpartition(":")[2]
    command = ["curl", "-sS", "--cacert", authority.path, f"https://localhost:{port}/sql"]
    command += ["--json", '{"sql":"SELECT 42"}']
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["rows"] == [[42]]


def test_large_result_streams(lake):
    answer = lake.query.sql("SELECT n FROM range(2000000) t(n)")
    assert answer.json()["row_count"] == 2_000_000
    assert answer.json()["rows"][-1] == [1_999_999]


def test_truncated_response_is_not_complete(lake):
    slow = "SELECT n, repeat('x', 20) AS x FROM range(1000000000000) t(n) WHERE n < 200000"
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        lake.query.sql(slow, timeout_ms=1500)


def test_query_is_cancelled_when_the_tls_client_disconnects(lake):
    endless = "SELECT count(*) FROM range(1000000000000) t(n) WHERE n % 7 = 3"
    connection = lake.query.send_sql(endless, "left")
    state = lambda: lake.query.get("/queries/left")  # noqa: E731
    wait_until(
        lambda: state().status == 200 and state().json()["state"] == "running", "the query runs"
    )
    connection.close()
    wait_until(lambda: state().json()["state"] == "cancelled", "the query is cancelled", 5)


def test_own_page_has_an_https_origin(lake):
    body = json.dumps({"sql": "SELECT 1"})
    address = lake.query.address
    headers = {"Origin": f"https://{address}"}
    assert lake.query.request("POST", "/sql", body, headers).rows() == [[1]]
    headers = {"Origin": f"http://{address}"}
    assert lake.query.request("POST", "/sql", body, headers).status == 403


def test_connections_in_the_handshake_are_evicted_and_time_out(make_tls_lake, authority):
    lake = make_tls_lake("shaking")
    lake.settings["http"] = {"header_timeout": "1s", "connections_per_address_max": 4}
    start(lake, authority)
    host, _, port = lake.query.address.rpartition(":")
    held = [socket.create_connection((host, int(port)), timeout=20) for _ in range(4)]
    assert lake.query.get("/healthz").status == 200
    for connection in held:
        assert connection.recv(1) == b""
        connection.close()
    assert lake.query.get("/healthz").status == 200


# --- connections from queryd to catalogd


def start_queryd_against(
    lake: Lake, authority: Authority, shown: Pair, tls: dict, host: str = "127.0.0.1"
) -> Daemon:
    """catalogd uses its own certificate; queryd only has `tls`."""
    show(lake, shown)
    lake.settings["tls"] = {"cert_path": str(cert_path(lake)), "key_path": str(key_path(lake))}
    address = lake.start_catalogd().address()
    lake.catalog = TlsClient(address, lake.recorder, context_for(authority))
    lake.settings["tls"] = tls
    url = f"https://{host}:{address.rpartition(':')[2]}"
    return lake.set("queryd", catalogd_url=url).start_queryd()


def test_catalogd_with_a_certificate_from_an_unknown_ca(new_lake, authority, stranger):
    for tls in ({}, {"ca_path": str(stranger.path)}):
        queryd = start_queryd_against(new_lake, authority, authority.issue(), tls)
        queryd.wait_for_line("initial refresh failed", "its certificate is signed by an unknown CA")
        assert not new_lake.query.ready()
        queryd.stop()
        new_lake.catalogd.stop()


def test_catalogd_with_a_certificate_for_another_name(new_lake, authority):
    pair = authority.issue("DNS:catalog.example.com,IP:127.0.0.2")
    tls = {"ca_path": str(authority.path)}
    for host in ("127.0.0.1", "localhost"):
        queryd = start_queryd_against(new_lake, authority, pair, tls, host)
        queryd.wait_for_line("initial refresh failed", "its certificate is for another name")
        queryd.stop()
        new_lake.catalogd.stop()


def test_catalogd_by_name(new_lake, authority):
    pair = authority.issue("DNS:localhost")
    tls = {"ca_path": str(authority.path)}
    start_queryd_against(new_lake, authority, pair, tls, "localhost")
    wait_until(new_lake.query.ready, "queryd is ready")


def test_disabled_verification_is_a_warning(new_lake, authority, stranger):
    queryd = start_queryd_against(new_lake, stranger, stranger.issue(), {"verify": False})
    wait_until(new_lake.query.ready, "queryd is ready")
    assert "WARN" in queryd.wait_for_line("tls.verify is false")


def test_catalogd_that_speaks_plain_http(new_lake, authority):
    address = new_lake.start_catalogd().address()
    new_lake.set("queryd", catalogd_url=f"https://{address}").start_queryd()
    new_lake.queryd.wait_for_line("initial refresh failed", "the server does not speak TLS")


# --- connections from queryd to the store


@pytest.mark.parametrize(
    ("who", "verify", "works"),
    [
        ("authority", None, True),
        ("stranger", None, False),
        ("nobody", None, False),
        ("nobody", False, True),
    ],
)
def test_certificate_of_the_store(request, make_tls_lake, who, verify, works):
    """Certificates are verified by default. The error has the reason, and no credential is sent."""
    lake = make_tls_lake(f"store-{who}-{verify}")
    lake.start_catalogd()
    ca_path = None if who == "nobody" else str(request.getfixturevalue(who).path)
    lake.settings["tls"] = {"ca_path": ca_path, "verify": verify}
    lake.start_queryd()
    lake.add("numbers", "SELECT 7 AS n")
    if works:
        lake.wait_for_rows("numbers", [[7]])
    else:
        lake.queryd.wait_for_line("refresh failed", "SSL peer certificate")
        assert lake.select_all("numbers").status == 503


# --- rotation


class Load:
    """Clients that send queries all the time: on one connection each, or on a new one for each
    query."""

    def __init__(self, client: TlsClient, threads: int) -> None:
        self._client = client
        self._stopping = threading.Event()
        self.failures: list[str] = []
        self.done = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(threads)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, keeps: bool) -> None:
        connection = self._client._connection()
        while not self._stopping.is_set():
            try:
                body = json.dumps({"sql": "SELECT sum(n) FROM range(1000) t(n)"})
                connection.request(
                    "POST", "/sql", body=body, headers={"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                rows = json.loads(answer.read())["rows"]
                if answer.status != 200 or rows != [[499500]]:
                    raise AssertionError(f"{answer.status} {rows}")
                with self._lock:
                    self.done += 1
            except Exception as error:
                with self._lock:
                    self.failures.append(repr(error))
            if not keeps:
                connection.close()
        connection.close()


def test_rotation_under_load_fails_no_query(make_tls_lake, authority):
    lake = start(make_tls_lake("rotates"), authority)
    with Load(lake.query, 4) as load:
        for count in range(5):
            pair = authority.issue(days=20 + count)
            done = load.done
            show(lake, pair)
            if count % 2 == 1:
                lake.queryd.send(signal.SIGHUP)
            wait_until(
                lambda pair=pair: serial_of(lake.query) == pair.serial,
                "queryd serves the new certificate",
                10,
            )
            wait_until(
                lambda pair=pair: serial_of(lake.catalog) == pair.serial,
                "catalogd serves the new certificate",
                10,
            )
            wait_until(lambda done=done: load.done > done + 20, "more queries succeed")
    assert load.failures == []
    assert load.done > 100
    expiry = metric(lake.query, "tarn_tls_certificate_expiry_seconds")
    assert abs(expiry - (time.time() + 24 * 86400)) < 3600
    assert metric(lake.query, 'tarn_tls_reloads_total{result="ok"}') >= 5
    # queryd still reads the catalogue over connections with the new certificate.
    lake.add("after", "SELECT 1 AS n")
    lake.wait_for_rows("after", [[1]])


@pytest.mark.parametrize("broken", ["certificate", "key", "mode", "missing"])
def test_invalid_pair_is_logged_and_the_former_one_is_kept(
    make_tls_lake, authority, stranger, broken
):
    lake = start(make_tls_lake(f"broken-{broken}"), authority)
    serial = serial_of(lake.query)
    new = authority.issue()
    if broken == "certificate":
        replace(cert_path(lake), "nonsense")
    elif broken == "key":
        replace(key_path(lake), new.key)
    elif broken == "mode":
        key_path(lake).chmod(0o644)
    else:
        cert_path(lake).unlink()
    lake.queryd.wait_for_line("cannot use the TLS certificate, keeping the former one")
    assert serial_of(lake.query) == serial
    assert metric(lake.query, 'tarn_tls_reloads_total{result="error"}') == 1
    show(lake, new)
    wait_until(lambda: serial_of(lake.query) == new.serial, "the new certificate is served", 10)


def test_sighup_without_tls_is_ignored(new_lake):
    new_lake.start()
    for daemon in (new_lake.queryd, new_lake.catalogd):
        daemon.send(signal.SIGHUP)
    for client in (new_lake.query, new_lake.catalog):
        for _ in range(20):
            assert client.get("/healthz").status == 200
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]
    assert new_lake.queryd.running
    assert new_lake.catalogd.running


# --- start


@pytest.mark.parametrize("program", ["queryd", "catalogd"])
@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"key_path": None}, "tls.key_path is required where tls.cert_path is set"),
        ({"cert_path": None}, "tls.cert_path is required where tls.key_path is set"),
        ({"cert_path": "/none"}, "tls.cert_path: cannot read /none"),
        ({"key_path": "/none"}, "tls.key_path: cannot read /none"),
        ({"key_path": "other.key"}, "does not match the certificate in"),
        ({"key_path": "open.key"}, "gives access to other users: run chmod 600"),
        ({"cert_path": "text"}, "holds no certificate in PEM"),
        ({"key_path": "text"}, "holds no private key in PEM"),
    ],
)
def test_invalid_files_are_reported_at_the_start(new_lake, authority, program, change, part):
    folder = new_lake.folder
    pair = authority.issue()
    show(new_lake, pair)
    replace(folder / "other.key", authority.issue().key)
    replace(folder / "open.key", pair.key, 0o640)
    replace(folder / "text", "no PEM")
    paths = {"cert_path": "cert.pem", "key_path": "key.pem"} | change
    new_lake.settings["tls"] = {k: v and str(folder / v) for k, v in paths.items()}
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    assert part in new_lake.run_to_exit(program).the_error()


def test_ca_file_is_checked_at_the_start(new_lake):
    new_lake.set("queryd", catalogd_url="https://127.0.0.1:9")
    new_lake.settings["tls"] = {"ca_path": "/none"}
    assert "tls.ca_path: cannot read /none" in new_lake.run_to_exit().the_error()


def test_expired_certificate_is_a_warning(new_lake, authority):
    """The certificate is still used, because there may be no other."""
    show(new_lake, authority.issue(days=-1))
    new_lake.settings["tls"] = {
        "cert_path": str(cert_path(new_lake)),
        "key_path": str(key_path(new_lake)),
    }
    catalogd = new_lake.run("catalogd")
    address = catalogd.address()
    assert "WARN" in catalogd.wait_for_line("the TLS certificate has expired")
    client = TlsClient(address, new_lake.recorder, context_for(authority))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        client.get("/healthz")
    catalogd.stop()
