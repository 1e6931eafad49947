"""A minimal Debian 12 with its own systemd, in namespaces of this machine."""

import os
import subprocess
from pathlib import Path

from harness import programs
from harness.client import Client
from harness.ports import free_ports
from harness.processes import Daemon, die_with_parent
from harness.recorder import Recorder

CLEAN_ROOT = programs.DEPS_DIR / "clean-root"
NAMESPACES = ["--mount", "--pid", "--cgroup", "--uts", "--ipc"]
# The mounts of boot.sh that a container may refuse.
TRIAL = """
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
mount -t proc proc /mnt/root/proc
mount -t sysfs -o ro sysfs /mnt/root/sys
mount -t cgroup2 cgroup2 /mnt/root/sys/fs/cgroup
"""


def cannot_run() -> str:
    """Returns the reason why the package cannot be tested here, or ""."""
    if os.geteuid() != 0:
        return "only root can install a package into a clean root"
    if not CLEAN_ROOT.is_dir():
        return f"there is no {CLEAN_ROOT}: `./x setup` makes it, and says why where it cannot"
    unshare = ["unshare", *NAMESPACES, "--fork", "sh", "-ec", TRIAL, "sh", CLEAN_ROOT]
    tried = subprocess.run(unshare, capture_output=True, text=True, check=False, timeout=60)
    return f"no namespaces and mounts here: {tried.stderr.strip()}" if tried.returncode else ""


class Machine:
    """The machine with the package. It uses the network of this machine."""

    def __init__(self, package: Path, folder: Path, recorder: Recorder) -> None:
        self.recorder = recorder
        self.query_address, self.catalog_address = (f"127.0.0.1:{p}" for p in free_ports(2))
        script = programs.REPO / "tests/package/boot.sh"
        work = folder / "machine"
        work.mkdir(parents=True)
        boot = f'exec "{script}" "{CLEAN_ROOT}" "{work}" 3<"{package}"'
        argv = ["unshare", *NAMESPACES, "--fork", "--kill-child", "sh", "-c", boot]
        self._boot = Daemon(argv, folder=folder, recorder=recorder)
        self._boot.wait_for(self._is_running, "systemd runs", 180)

    def _is_running(self) -> bool:
        """Until it has its own root, /tarn.deb does not exist, and systemctl is that of this
        machine."""
        ask = "test -e /tarn.deb && systemctl is-system-running"
        return self.run("sh", "-c", ask, check=False).strip() in ("running", "degraded")

    def run(self, *command: str, check: bool = True, stdin: str = "") -> str:
        """Runs a command in the machine and returns its output."""
        enter = self._enter()
        if not enter:
            return ""
        done = subprocess.run(
            [*enter, *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"},
            preexec_fn=die_with_parent,
        )
        said = done.stdout + done.stderr
        assert not check or done.returncode == 0, f"{command}: {said}\n{self.journal()}"
        return said

    def _enter(self) -> list[str]:
        """Returns the command prefix that enters the machine; empty until its first
        process exists."""
        children = Path(f"/proc/{self._boot.process.pid}/task/{self._boot.process.pid}/children")
        first = children.read_text().split()
        if not first:
            return []
        return ["nsenter", "-t", first[0], "-m", "-p", "-C", "-u", "-i", "-r", "-w"]

    def start_as(self, user: str, folder: Path, *command: str) -> Daemon:
        """Starts a command as a user. Its process id inside the machine is in ~/pid."""
        enter = self._enter()
        assert enter, "the machine is running"
        home = f"/home/{user}"
        shell = ["sh", "-c", 'echo $$ >"$HOME/pid" && exec "$@"', "sh"]
        environment = ["env", "-i", "-C", home, f"HOME={home}", "PATH=/usr/bin:/bin"]
        drop = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        argv = [*enter, *drop, *environment, *shell, *command]
        return Daemon(argv, folder=folder, recorder=self.recorder)

    def journal(self, lines: str = "60") -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", lines, check=False)

    def read(self, path: str) -> str:
        return self.run("cat", path)

    def write(self, path: str, text: str, owner: str = "root") -> None:
        """Creates the file before it writes the secret, as documented, so that other users cannot
        read it."""
        if owner != "root":
            self.run("install", "-m", "600", "-o", owner, "-g", owner, "/dev/null", path)
        self.run("sh", "-c", f"cat > {path}", stdin=text)

    def follow(self, commands: str, check: bool = True, **env: str) -> str:
        """Runs the commands of the document as root, in root's home and with free ports. Answers
        yes if apt asks for confirmation."""
        values = [f"{name}={value}" for name, value in ({"HOME": "/root"} | env).items()]
        shell = ["env", "-C", "/root", *values, "sh", "-ec", self.local(commands)]
        return self.run(*shell, check=check, stdin="y\n")

    def local(self, text: str) -> str:
        """Replaces the ports by free ones."""
        text = text.replace(":3214", ":" + self.query_address.partition(":")[2])
        return text.replace(":3212", ":" + self.catalog_address.partition(":")[2])

    def property_of(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).strip()

    def close(self) -> None:
        self._boot.kill()

    @property
    def query(self) -> Client:
        return Client(self.query_address, self.recorder)

    @property
    def catalog(self) -> Client:
        return Client(self.catalog_address, self.recorder)
