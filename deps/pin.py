"""Writes npm.txt and python-*.txt from the .in files beside this one: ./x pin [VERSION].

VERSION, when given, becomes the version of DuckDB. Everything is resolved for the Python
that runs this, on the machine that runs this: Debian 12, x86_64.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

DEPS = pathlib.Path(__file__).parent
DUCKDB_VERSION = DEPS / "duckdb.version"


def python_pins(source: pathlib.Path) -> list[str]:
    """Every wheel that pip would install, dependencies included.

    pip itself puts ${DUCKDB_VERSION} in. An extension is a file to load: the Python package
    of DuckDB, which its wheel asks for, is nothing that python-build.txt has to install.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
    pip += ["--ignore-installed", "--only-binary=:all:", "--report=-"]
    if source.stem == "python-build":
        pip.append("--no-deps")
    report = subprocess.run([*pip, "-r", source], stdout=subprocess.PIPE, check=True)
    lines = []
    for wheel in json.loads(report.stdout)["install"]:
        name = wheel["metadata"]["name"].lower().replace("_", "-")
        sha256 = wheel["download_info"]["archive_info"]["hashes"]["sha256"]
        version = wheel["metadata"]["version"]
        lines.append(f"{name}=={version} --hash=sha256:{sha256}\n")
    return sorted(lines)


def npm_pins(source: pathlib.Path) -> list[str]:
    """The newest package of each range; npm itself has checked its integrity."""
    lines = ["# package@version  sha256 of the package  file in it  place under .deps/\n"]
    for line in os.path.expandvars(source.read_text()).splitlines():
        if not line or line.startswith("#"):
            continue
        wanted, member, place = line.split()
        with tempfile.TemporaryDirectory() as folder:
            npm = ["npm", "pack", "--silent", "--json", "--ignore-scripts", wanted]
            packed = subprocess.run(npm, cwd=folder, stdout=subprocess.PIPE, check=True)
            (package,) = pathlib.Path(folder).glob("*.tgz")
            sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
        lines.append(f"{json.loads(packed.stdout)[0]['id']} {sha256} {member} {place}\n")
    return lines


def main() -> None:
    version = sys.argv[1] if len(sys.argv) > 1 else DUCKDB_VERSION.read_text().strip()
    os.environ["DUCKDB_VERSION"] = version
    npm = DEPS / "npm.in"
    try:
        pins = {source: python_pins(source) for source in sorted(DEPS.glob("python-*.in"))}
        pins[npm] = npm_pins(npm)
    except subprocess.CalledProcessError as error:
        sys.exit(f"nothing was changed: {error}")
    for source, lines in pins.items():
        header = f"# Written by ./x pin from {source.name}: edit that, not this.\n"
        source.with_suffix(".txt").write_text(header + "".join(lines))
    DUCKDB_VERSION.write_text(version + "\n")


if __name__ == "__main__":
    main()
