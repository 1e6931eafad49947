"""The Debian package, installed with apt into a minimal Debian 12 with its own systemd. `./x setup`
creates that Debian (.deps/clean-root). Its processes are in namespaces and end with them."""

import json
import re
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import programs
from harness.certificates import Authority, Pair
from harness.client import Client
from harness.documents import examples
from harness.machine import Machine, cannot_run
from harness.ports import free_ports
from harness.processes import clean_environment
from harness.recorder import Recorder
from harness.store import BUCKET, REGION, Folder, Store
from harness.waiting import wait_until

UNITS = ["tarn-catalogd.service", "tarn-queryd.service"]
DOCUMENT = "docs/operations.md"


@pytest.fixture(scope="module")
def package(session_folder: Path) -> Path:
    """Returns the package of this build from `./x package`."""
    if reason := cannot_run():
        pytest.skip(reason)
    folder = session_folder / "package"
    folder.mkdir()
    config = programs.BUILD_DIR / "CPackConfig.cmake"
    cpack = ["cpack", "--config", config, "-B", folder, "-D", f"CPACK_OUTPUT_FILE_PREFIX={folder}"]
    env = clean_environment(folder)
    done = subprocess.run(cpack, capture_output=True, text=True, cwd=folder, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.deb")
    return made


def adapted(text: str, **values: str) -> str:
    """Returns the default configuration with other values."""
    for key, value in values.items():
        text, count = re.subn(rf"(?m)^(# )?{key} = .*", f'{key} = "{value}"', text, count=1)
        assert count == 1, f"{key} is in the default configuration"
    return text


@pytest.fixture(scope="module")
def machine(
    package: Path, store: Store, recorder: Recorder, session_folder: Path
) -> Iterator[Machine]:
    """The package is installed and configured, and no daemon has started."""
    machine = Machine(package, session_folder / "machine", recorder)
    head, queryd = machine.read("/etc/tarn/lakehouse.toml").split("[queryd]")
    queryd, catalogd = queryd.split("[catalogd]")
    head = adapted(head, endpoint=store.url, region=REGION, bucket=BUCKET)
    catalogd_url = f"http://{machine.catalog_address}"
    queryd = adapted(queryd, bind=machine.query_address, catalogd_url=catalogd_url)
    catalogd = adapted(catalogd, bind=machine.catalog_address)
    configured = f"{head}[queryd]{queryd}[catalogd]{catalogd}"
    machine.write("/etc/tarn/lakehouse.toml", configured)
    yield machine
    recorder.record("the journal", machine.journal("all").encode())
    machine.close()


@pytest.fixture(scope="module")
def running(machine: Machine, store: Store) -> Machine:
    """The main job: a dataset in the bucket, registered and queried."""
    start = commands("/etc/tarn/secrets.toml")
    keys = store.credentials
    for value in (keys.access_key_id, keys.secret_access_key):
        start = start.replace('"…"', f'"{value}"', 1)
    assert machine.follow(start).startswith("ok"), "queryd is ready when the last command ends"
    key = Folder(store, "package").put_rows("numbers.parquet", "FROM range(10) t(n)")
    machine.catalog.put_keys("numbers", key)
    wait_for_sum(machine)
    return machine


def answers(client: Client) -> bool:
    try:
        return client.ready()
    except OSError:
        return False


def wait_for_sum(machine: Machine) -> None:
    def right() -> bool:
        try:
            answer = machine.query.sql("SELECT sum(n) FROM numbers")
        except OSError:
            return False
        return answer.status == 200 and answer.rows() == [[45]]

    wait_until(right, machine.journal, 60)


def test_dependencies_bring_all_that_the_programs_load(machine):
    programs_and_libraries = "/usr/bin/tarn* /usr/bin/queryd /usr/bin/catalogd /usr/lib/tarn/*.so*"
    loaded = machine.run("sh", "-c", f"ldd {programs_and_libraries}")
    assert "/usr/lib/tarn/libduckdb.so" in loaded or "/../lib/tarn/libduckdb.so" in loaded
    assert "not found" not in loaded
    for name in ("queryd", "catalogd", "tarn"):
        assert re.search(r"\d+\.\d+\.\d+", machine.run(name, "--version"))


def test_tarn_up_alone_answers_a_query(machine, scratch):
    """Runs the README's first command after the installation, as a new user."""
    machine.run("useradd", "--create-home", "newcomer")
    with machine.start_as("newcomer", scratch, "tarn", "up", "--bind", "127.0.0.1:0") as up:
        up.wait_for(lambda: "Press Ctrl-C to stop" in up.stdout, "the end of the greeting", 60)
        address = re.search(r"^Console: http://(.*)/$", up.stdout, re.MULTILINE).group(1)
        client = Client(address, machine.recorder)
        assert client.sql("SELECT count(*) FROM airports").rows() == [[48]]
        assert "<title>Tarn</title>" in client.get("/").text
        machine.run("sh", "-c", "kill -INT $(cat /home/newcomer/pid)")
        assert up.wait_for_exit() == 0


def test_shells_have_completions(machine):
    load = ". /usr/share/bash-completion/completions/tarn && complete -p tarn"
    assert "_tarn" in machine.run("bash", "-c", load)
    files = ["zsh/vendor-completions/_tarn", "fish/vendor_completions.d/tarn.fish"]
    for file in files:
        assert "tarn complete -- " in machine.run("cat", f"/usr/share/{file}")


def test_installation_starts_nothing(package, machine):
    """The default configuration has no bucket: see operations.md."""
    text = subprocess.run(["dpkg-deb", "-f", package, "Version"], capture_output=True, text=True)
    assert text.stdout.strip() in machine.run("dpkg", "-s", "tarn")
    conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "tarn")
    assert conffiles.split()[0] == "/etc/tarn/lakehouse.toml"
    said = machine.run("systemctl", "is-enabled", *UNITS, check=False)
    assert said.split() == ["disabled", "disabled"]


def test_first_steps_with_a_file_of_the_user(machine):
    """The README's steps for your own data, with the package in place of the build."""
    machine.run("mkdir", "/root/trial")
    machine.write("/root/trial/sales.csv", "shop,amount\nOslo,120.5\nBergen,80.25\nOslo,99\n")
    there = "cd /root/trial && "
    machine.run("sh", "-c", there + "tarn put sales.csv --as sales --into lake")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    up = ["--unit=trial", "--working-directory=/root/trial", "--collect"]
    machine.run("systemd-run", *up, "tarn", "up", "lake", "--bind", address)
    client = Client(address, machine.recorder)
    wait_until(lambda: answers(client), lambda: machine.journal())
    sql = "SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop ORDER BY shop"
    said = machine.run("env", f"TARN_QUERYD_URL=http://{address}", "tarn", "sql", sql)
    assert said == "shop,amount\nBergen,80.25\nOslo,219.5\n"
    assert "<title>Tarn</title>" in client.get("/").text
    machine.run("systemctl", "stop", "trial")


def test_main_job(running):
    for unit in UNITS:
        assert running.property_of(unit, "ActiveState") == "active"
        pid = running.property_of(unit, "MainPID")
        user = running.run("stat", "-c", "%U", f"/proc/{pid}").strip()
        assert user == "tarn"
        status = running.read(f"/proc/{pid}/status")
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
        assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    assert running.run("stat", "-c", "%U %a", "/var/lib/tarn/catalog").split() == ["tarn", "700"]


def test_engine_sandbox_is_complete_under_systemd(running):
    """The unit allows the engine's own sandbox, and queryd can check it."""
    told = re.search(r'sandbox="landlock=(\d+) seccomp=on"', running.journal())
    assert told, running.journal()
    version = int(told.group(1))
    metrics = running.query.get("/metrics").text
    assert f"tarn_engine_sandboxed {int(version >= 4)}" in metrics
    resident = re.search(r"^tarn_engine_resident_bytes (\S+)$", metrics, re.MULTILINE)
    assert float(resident.group(1)) > 10e6, "queryd sees the engine's memory"


def test_large_sort_spills_into_the_folder_of_the_unit(running):
    """The only folder that queryd can write."""
    running.run("mkdir", "-p", "/etc/systemd/system/tarn-queryd.service.d")
    running.write(
        "/etc/systemd/system/tarn-queryd.service.d/small.conf",
        "[Service]\nEnvironment=TARN_QUERYD_MEMORY_LIMIT=100000000 TARN_QUERYD_THREADS=1\n",
    )
    running.run("systemctl", "daemon-reload")
    running.run("systemctl", "restart", "tarn-queryd")
    wait_for_sum(running)
    sort = (
        "SELECT sum(hash(n, r)) > 0 FROM (SELECT n, hash(n) r FROM range(20000000) t(n) ORDER BY r)"
    )
    with running.query.send_sql(sort.replace("sum(hash(n, r)) > 0", "n"), "large"):
        found = ["find", "/var/cache/tarn", "-type", "f", "-size", "+100k"]
        wait_until(lambda: running.run(*found, check=False).strip(), running.journal)
    running.run("rm", "-r", "/etc/systemd/system/tarn-queryd.service.d")
    running.run("systemctl", "daemon-reload")


def test_units_leave_little_to_take(running):
    """The rating of systemd for the units: 10 is a service without restrictions."""
    for unit in UNITS:
        running.run("systemd-analyze", "security", "--threshold=20", "--no-pager", unit)
        assert not running.run("systemd-analyze", "verify", f"/lib/systemd/system/{unit}")


def test_reload_changes_no_process(running):
    before = [running.property_of(unit, "MainPID") for unit in UNITS]
    running.run("systemctl", "reload", *UNITS)
    assert [running.property_of(unit, "MainPID") for unit in UNITS] == before
    wait_for_sum(running)


def test_killed_daemon_comes_back(running):
    running.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", "tarn-catalogd.service")
    state = ("tarn-catalogd.service", "NRestarts")
    wait_until(lambda: running.property_of(*state) == "1", running.journal)
    wait_until(lambda: answers(running.catalog), running.journal)
    assert [m["name"] for m in running.catalog.list()["manifests"]] == ["numbers"]


def commands(part: str) -> str:
    """Returns the block of commands in operations.md with this text."""
    (block,) = [e.code for e in examples(DOCUMENT) if e.language == "sh" and part in e.code]
    return block


def documented_settings(part: str) -> dict:
    """Returns the block of settings in operations.md with this text, which may be part of
    a list."""
    text = (programs.REPO / DOCUMENT).read_text()
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if part in block]
    return tomllib.loads(block)


def with_settings(text: str, settings: dict) -> str:
    """Returns the configuration with these settings."""
    for section, values in settings.items():
        if f"[{section}]\n" not in text:
            text += f"\n[{section}]\n"
        before, head, after = text.partition(f"[{section}]\n")
        inside, found, rest = after.partition("\n[")
        for key, value in values.items():
            inside = re.sub(rf"(?m)^{key} = .*\n", "", inside)
            inside = f"{key} = {json.dumps(value)}\n{inside}"
        text = before + head + inside + found + rest
    return text


def bring(machine: Machine, pair: Pair) -> None:
    machine.write("/root/cert.pem", pair.certificate)
    machine.write("/root/key.pem", pair.key)


@pytest.fixture
def reconfigured(running) -> Iterator[Machine]:
    """Restores the configuration afterwards."""
    former = running.read("/etc/tarn/lakehouse.toml")
    yield running
    running.write("/etc/tarn/lakehouse.toml", former)
    running.run("systemctl", "restart", *UNITS)
    wait_for_sum(running)


def test_tokens_and_tls_as_documented(reconfigured, session_folder):
    """Tests each address of catalogd, and each client that needs a token or a certificate."""
    machine = reconfigured
    authority = Authority(session_folder / "package-ca")
    machine.write("/etc/tarn/ca.pem", authority.path.read_text())
    trust = {"CURL_CA_BUNDLE": "/etc/tarn/ca.pem"}
    bring(machine, authority.issue("DNS:localhost"))
    tokens = commands("tarn token create alice")
    assert "Token of alice" in machine.follow(tokens)
    files = ["tokens.toml", "catalogd-token", "key.pem"]
    modes = machine.run("stat", "-c", "%U %a", *(f"/etc/tarn/{file}" for file in files))
    assert modes.split() == ["tarn", "600"] * 3, "although root makes them"
    assert machine.run("stat", "-c", "%U %a", "/root/operator-token").split() == ["root", "600"]

    settings = documented_settings("catalogd_token_path")
    configured = with_settings(machine.read("/etc/tarn/lakehouse.toml"), settings)
    configured = with_settings(configured, {"tls": {"ca_path": "/etc/tarn/ca.pem"}})
    machine.write("/etc/tarn/lakehouse.toml", machine.local(configured))
    restart = commands("systemctl restart tarn-catalogd tarn-queryd")
    assert machine.follow(restart, **trust).startswith("ok")
    machine.follow(commands("Authorization: Bearer"), **trust)
    assert "SQLite format 3" in machine.run("head", "-c", "15", "/root/catalog-backup.sqlite")
    options = ("--token-path ~/operator-token", "--queryd https://localhost:3214")
    assert all(f"`{option}`" in section("Troubleshooting") for option in options)
    for command in commands("tarn check").splitlines():
        said = machine.follow(f"{command} {' '.join(options)}")
        assert "ERROR" not in said and "NOT READY" not in said

    bring(machine, authority.issue("DNS:tarn.example.com"))
    machine.follow("\n".join(tokens.splitlines()[:2]))
    line = "127.0.0.1 tarn.example.com"
    assert f"`{line}`" in section("Let other machines connect")
    machine.run("sh", "-c", f"echo {line} >>/etc/hosts")
    configured = with_settings(configured, documented_settings("allowed_hosts"))
    machine.write("/etc/tarn/lakehouse.toml", machine.local(configured))
    by_name = restart.replace("localhost", "tarn.example.com")
    assert machine.follow(by_name, **trust).startswith("ok")


def section(title: str) -> str:
    text = (programs.REPO / DOCUMENT).read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_backup_is_restored_as_documented(running):
    running.follow(commands("curl -f http://127.0.0.1:3212/catalog/backup"))
    before = running.catalog.list()["catalog_id"]
    running.catalog.put_keys("later", "nowhere.parquet")
    running.follow(commands('install -m 600 -o tarn -g tarn "$backup"'))
    wait_until(lambda: answers(running.catalog), running.journal)
    restored = running.catalog.list()
    assert [m["name"] for m in restored["manifests"]] == ["numbers"]
    assert restored["catalog_id"] != before
    wait_for_sum(running)


def test_restore_without_a_backup_changes_nothing(running):
    running.run("rm", "/root/catalog-backup.sqlite")
    before = running.property_of("tarn-catalogd.service", "MainPID")
    restore = commands('install -m 600 -o tarn -g tarn "$backup"')
    running.follow(restore, check=False)
    # Runs all pasted lines, also after one has failed.
    running.follow(f"set +e\n{restore}", check=False)
    assert running.property_of("tarn-catalogd.service", "MainPID") == before
    wait_for_sum(running)


def make_next_version(machine: Machine) -> str:
    """The same package with a later version, in the place that the document names."""
    return machine.follow(
        "mkdir -p build/package\n"
        "dpkg-deb -R /tarn.deb next\n"
        "sed -i 's/^Version: .*/&+next/' next/DEBIAN/control\n"
        "dpkg-deb -Znone -b next build/package/tarn_next_amd64.deb\n"
        "rm -r next\n"
    )


def version(machine: Machine) -> str:
    return machine.run("dpkg-query", "-W", "-f", "${Version}", "tarn")


def test_upgrade_restarts_and_keeps_all(running):
    before = {unit: running.property_of(unit, "MainPID") for unit in UNITS}
    configuration = running.read("/etc/tarn/lakehouse.toml")
    former = version(running)
    make_next_version(running)
    running.follow(commands("apt install ./build"))
    assert version(running) == f"{former}+next"
    wait_for_sum(running)
    for unit in UNITS:
        assert running.property_of(unit, "MainPID") not in ("0", before[unit])
    assert running.read("/etc/tarn/lakehouse.toml") == configuration


def test_removal_that_fails_leaves_them_running(running):
    """dpkg then calls postinst with abort-remove."""
    prerm = "/var/lib/dpkg/info/tarn.prerm"
    before = running.property_of("tarn-queryd.service", "MainPID")
    running.run("sh", "-c", f"cp -p {prerm} /root/prerm && echo exit 1 >>{prerm}")
    said = running.run("dpkg", "--remove", "tarn", check=False)
    running.run("cp", "-p", "/root/prerm", prerm)
    assert "subprocess returned error exit status 1" in said
    wait_for_sum(running)
    assert running.property_of("tarn-queryd.service", "MainPID") != before, "it was stopped"
    assert running.run("systemctl", "is-enabled", *UNITS).split() == ["enabled", "enabled"]


def test_installation_after_removal_keeps_the_data(running):
    started = time.monotonic()
    running.run("dpkg", "--remove", "tarn")
    assert time.monotonic() - started < 25, "both daemons stopped by themselves"
    assert not answers(running.query)
    assert "bucket" in running.read("/etc/tarn/lakehouse.toml"), "a configuration stays with remove"
    wants = "ls /etc/systemd/system/multi-user.target.wants | grep -c tarn"
    assert running.run("sh", "-c", wants, check=False).strip() == "0"
    running.follow(commands("apt install curl"))
    assert running.run("systemctl", "is-enabled", *UNITS, check=False).split() == ["disabled"] * 2
    again = "systemctl enable --now tarn-catalogd tarn-queryd"
    assert f"`{again}`" in section("Remove the package")
    running.follow(again)
    wait_for_sum(running)


def test_removal_and_purge(running):
    """Removal, as the last test: the files of the package go, and the catalogue stays."""
    running.run("dpkg", "--remove", "tarn")
    assert not answers(running.query)
    running.run("dpkg", "--purge", "tarn")
    left = running.run(
        "sh", "-c", "ls -d /etc/tarn/lakehouse.toml /usr/lib/tarn /var/cache/tarn", check=False
    )
    assert left.count("No such file") == 3, left
    assert running.run("ls", "/var/lib/tarn/catalog").split()
