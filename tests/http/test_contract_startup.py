"""Contract of queryd, "Start-up": the sources of settings, and exit status 1 with one
clear line."""

import socket

import pytest
from harness import programs
from harness.client import Client
from harness.lake import to_toml
from harness.processes import Daemon, run_to_exit

NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def ready_lake(new_lake):
    """A configuration with which queryd can start alone."""
    return new_lake.set("queryd", catalogd_url=NOBODY_LISTENS, refresh_every="30s")


def start_by(lake, *arguments, cwd=None) -> Daemon:
    return Daemon(
        [programs.program("queryd"), *arguments],
        folder=lake.folder,
        recorder=lake.recorder,
        cwd=cwd,
    )


def fail_by(lake, *arguments, cwd=None) -> str:
    exited = run_to_exit(
        [programs.program("queryd"), *arguments],
        folder=lake.folder,
        recorder=lake.recorder,
        cwd=cwd,
    )
    assert exited.stdout == "", "logs go to stderr"
    return exited.the_error()


@pytest.mark.parametrize("flag", ["-config", "--config"])
def test_config_option_with_one_dash_and_with_two(ready_lake, flag):
    with start_by(ready_lake, flag, ready_lake.write_config()) as queryd:
        assert Client(queryd.address(), ready_lake.recorder).get("/healthz").status == 200


def test_default_config_is_lakehouse_toml_in_the_working_directory(ready_lake, scratch):
    (scratch / "lakehouse.toml").write_text(to_toml(ready_lake.settings))
    with start_by(ready_lake, cwd=scratch) as queryd:
        assert Client(queryd.address(), ready_lake.recorder).get("/healthz").status == 200


def test_logs_go_to_stderr_and_nothing_to_stdout(ready_lake):
    with ready_lake.start_queryd() as queryd:
        assert queryd.lines("listening")
        assert queryd.stdout == ""


# --- exit status 1 with one clear line


def test_default_config_is_missing(ready_lake, scratch):
    assert "lakehouse.toml" in fail_by(ready_lake, cwd=scratch)


def test_config_file_is_missing(ready_lake):
    assert "absent.toml" in fail_by(ready_lake, "-config", ready_lake.folder / "absent.toml")


def test_config_file_is_a_folder(ready_lake):
    assert str(ready_lake.folder) in fail_by(ready_lake, "-config", ready_lake.folder)


@pytest.mark.parametrize(
    "text",
    [
        "this is not toml",
        "[s3\nbucket = 'x'",
        "[s3]\nbucket = 'a'\nbucket = 'b'",
        "[s3]\nbucket = 'never closed",
        '{"s3": {}}',
        b"[s3]\nbucket = '\xff\xfe'",
        b"\x00\x01\x02",
    ],
    ids=["prose", "open-table", "twice", "open-text", "json", "not-utf8", "binary"],
)
def test_config_file_is_not_toml(ready_lake, text):
    path = ready_lake.folder / "broken.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "broken.toml" in fail_by(ready_lake, "-config", path)


@pytest.mark.parametrize("value", ["", None], ids=["empty", "absent"])
def test_catalogd_url_is_required(ready_lake, value):
    ready_lake.set("queryd", catalogd_url=value)
    assert "queryd.catalogd_url is required" in ready_lake.run_to_exit().the_error()


@pytest.mark.parametrize("value", ["", None], ids=["empty", "absent"])
def test_bucket_is_required(ready_lake, value):
    ready_lake.set("s3", bucket=value)
    assert "s3.bucket is required" in ready_lake.run_to_exit().the_error()


def test_all_missing_settings_are_reported_at_once(ready_lake):
    ready_lake.set("s3", bucket="").set("queryd", catalogd_url="")
    line = ready_lake.run_to_exit().the_error()
    assert "s3.bucket is required" in line
    assert "queryd.catalogd_url is required" in line


def test_all_malformed_settings_are_reported_at_once(ready_lake):
    ready_lake.set("s3", buckt="x", use_ssl="maybe").set("queryd", refresh_every="soon")
    line = ready_lake.run_to_exit().the_error()
    assert "s3.buckt" in line
    assert "s3.use_ssl" in line
    assert "queryd.refresh_every is not a valid duration: " in line


@pytest.mark.parametrize(
    "value",
    ["", "30", "s", "soon", "30 s", " 30s", "30s ", "1d", "1m 30s", "1e3s", "0x10s", "30S", "--5s"]
    + ["1,5s", "9999999999h", "0s", "-5s"],
)
def test_refresh_every_is_not_a_duration(ready_lake, value):
    ready_lake.set("queryd", refresh_every=value)
    line = ready_lake.run_to_exit().the_error()
    assert "queryd.refresh_every is not a valid duration: " in line


@pytest.mark.parametrize("value", [30, 1.5, True])
def test_refresh_every_is_not_a_string(ready_lake, value):
    ready_lake.set("queryd", refresh_every=value)
    line = ready_lake.run_to_exit().the_error()
    assert "queryd.refresh_every is not a valid duration: " in line


@pytest.mark.parametrize(
    "value", ["30s", "1m30s", "500ms", "1.5h", ".5s", "1h2m3s4ms5us6ns", "+5s", "250000µs"]
)
def test_refresh_every_accepts_go_durations(ready_lake, value):
    ready_lake.set("queryd", refresh_every=value)
    with ready_lake.start_queryd():
        assert ready_lake.query.get("/healthz").status == 200


def test_duckdb_cannot_be_opened(ready_lake, scratch):
    """A file that is not a library, like any fault that prevents DuckDB from starting."""
    (scratch / "httpfs.duckdb_extension").write_bytes(b"no library\n" * 100)
    ready_lake.set("queryd", extension_dir=str(scratch))
    line = ready_lake.run_to_exit().the_error()
    assert "load httpfs" in line, "the error names the step"
    assert "LOAD '" not in line, "the error has no SQL"
    assert "SECRET" not in line


def test_unknown_key_names_the_nearest_known_one(ready_lake):
    ready_lake.set("queryd", catalog_url="http://127.0.0.1:1")
    line = ready_lake.run_to_exit().the_error()
    assert "queryd.catalog_url" in line
    assert "queryd.catalogd_url" in line


def test_unknown_section(ready_lake):
    ready_lake.settings["querid"] = {"bind": "127.0.0.1:0"}
    assert "querid" in ready_lake.run_to_exit().the_error()


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("queryd", "bind", 3214),
        ("queryd", "bind", "127.0.0.1"),
        ("queryd", "bind", "127.0.0.1:notaport"),
        ("queryd", "bind", "127.0.0.1:70000"),
        ("queryd", "catalogd_url", "not a url"),
        ("queryd", "catalogd_url", "ftp://127.0.0.1/x"),
        ("queryd", "sql_body_bytes_max", "64k"),
        ("queryd", "sql_body_bytes_max", -1),
        ("s3", "use_ssl", "yes"),
        ("s3", "bucket", ["a"]),
        ("log", "format", "xml"),
        ("log", "level", "loud"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(ready_lake, section, key, value):
    ready_lake.set(section, **{key: value})
    assert f"{section}.{key}" in ready_lake.run_to_exit().the_error()


def test_address_in_use(ready_lake):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ready_lake.set("queryd", bind=address)
        assert address in ready_lake.run_to_exit().the_error()


# --- the environment


def test_environment_overrides_the_file(ready_lake):
    ready_lake.set("s3", bucket="")
    with ready_lake.start_queryd({"TARN_S3_BUCKET": "from-the-environment"}):
        assert ready_lake.query.get("/healthz").status == 200


def test_invalid_environment_is_reported(ready_lake):
    exited = ready_lake.run_to_exit(env={"TARN_QUERYD_REFRESH_EVERY": "soon"})
    assert "queryd.refresh_every is not a valid duration: " in exited.the_error()


# --- s3.endpoint


@pytest.mark.parametrize("form", ["http://{}", "http://{}/", "{}"], ids=["url", "slash", "bare"])
def test_endpoint_is_a_url_or_host_and_port(new_lake, form):
    address = new_lake.files.store.address
    new_lake.set("s3", endpoint=form.format(address))
    if form == "{}":
        new_lake.set("s3", use_ssl=False)
    new_lake.start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])


def test_endpoint_scheme_selects_tls_unless_use_ssl_overrides_it(new_lake):
    """The server has no TLS, so `https` fails unless use_ssl turns TLS off."""
    address = new_lake.files.store.address
    new_lake.set("s3", endpoint=f"https://{address}").start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.queryd.wait_for_line("WARN", "refresh failed", "numbers")
    new_lake.queryd.stop()
    new_lake.set("s3", use_ssl=False).start_queryd()
    new_lake.wait_for_rows("numbers", [[42]])


def test_endpoint_can_be_a_folder(new_lake, scratch):
    (scratch / "bucket").mkdir()
    new_lake.set("s3", endpoint=f"file://{scratch}", bucket="bucket").use_credentials(None).start()
    source = new_lake.files.put_rows("data.parquet", "SELECT 42 AS n")
    data = new_lake.files.store.client.get_object(Bucket="lake", Key=source)["Body"].read()
    (scratch / "bucket" / "deep").mkdir()
    (scratch / "bucket" / "deep" / "data.parquet").write_bytes(data)
    new_lake.catalog.put_keys("numbers", "deep/data.parquet")
    new_lake.wait_for_rows("numbers", [[42]])


# --- catalogd


@pytest.mark.parametrize("flag", ["-config", "--config"])
def test_catalogd_accepts_the_same_option(new_lake, flag):
    argv = [programs.program("catalogd"), flag, new_lake.write_config()]
    with Daemon(argv, folder=new_lake.folder, recorder=new_lake.recorder) as catalogd:
        assert Client(catalogd.address(), new_lake.recorder).get("/healthz").status == 200


def test_catalogd_config_file_is_missing(new_lake):
    argv = [programs.program("catalogd"), "-config", "/absent/lakehouse.toml"]
    exited = run_to_exit(argv, folder=new_lake.folder, recorder=new_lake.recorder)
    assert "/absent/lakehouse.toml" in exited.the_error()


def test_catalogd_needs_no_bucket_and_no_queryd(new_lake):
    new_lake.set("s3", bucket="", endpoint="").set("queryd", catalogd_url="")
    with new_lake.run("catalogd") as catalogd:
        assert Client(catalogd.address(), new_lake.recorder).get("/readyz").status == 200


def test_catalogd_data_dir_is_a_file(new_lake):
    blocker = new_lake.folder / "blocker"
    blocker.write_text("a file\n")
    new_lake.set("catalogd", data_dir=str(blocker))
    assert str(blocker) in new_lake.run_to_exit("catalogd").the_error()


def test_catalogd_database_is_not_a_database(new_lake):
    """The database must not be treated as an empty catalogue, and not be overwritten."""
    new_lake.start_catalogd()
    new_lake.catalogd.stop()
    folder = new_lake.folder / "catalog"
    files = [path for path in folder.iterdir() if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"not a database at all\n" * 1000)
    assert new_lake.run_to_exit("catalogd").the_error()
    assert all(path.read_bytes().startswith(b"not a database") for path in files)
