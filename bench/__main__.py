"""The command: runs the chosen measurements and writes the figures."""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness import programs

from bench import alone, lake, put, refresh, result, start, work
from bench.alone import Alone
from bench.load import Failed
from bench.server import Process, Server

OURS = "Tarn"
OURS_KEPT = "Tarn, from the result cache"
OURS_LOCAL = "Tarn, on local files"
WORK_ONLY = (OURS_KEPT, OURS_LOCAL)
COMPARED = (
    "The last two columns compare Tarn with the server of the line. Above 1, Tarn is faster or "
    "takes less CPU."
)
NOT_COMPARED = "Compared with no other server: --against NAME=URL names one."
Figures = dict[str, list]


def main() -> None:
    options = parse(sys.argv[1:])
    # Ends as after Ctrl-C: all programs that were started are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.list:
        print("\n".join(chosen(options.only)))
    elif options.serve:
        lake.serve(options.serve)
    else:
        run(options)


def run(options: argparse.Namespace) -> None:
    about = environment()
    figures = measure(options)
    about["load_after"] = os.getloadavg()[0]
    print(markdown(about, figures, compared=bool(options.against)))
    if options.json:
        points = {
            section: [
                # JSON has no NaN.
                {k: None if v != v else v for k, v in dataclasses.asdict(point).items()}
                for point in points
            ]
            for section, points in figures.items()
        }
        options.json.write_text(json.dumps(about | points, indent=2) + "\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures build/bin/queryd. See bench/README.md."
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help="seconds of load per point (3)"
    )
    parser.add_argument(
        "--only", type=re.compile, default=".", metavar="REGEX", help="measure only these points"
    )
    parser.add_argument("--list", action="store_true", help="list the points without measuring")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument(
        "--against",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=URL",
        help="also measure this server, which must answer POST /sql on the same datasets",
    )
    parser.add_argument(
        "--against-pid",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=PID",
        help="the process of that server, to measure its CPU and memory",
    )
    parser.add_argument(
        "--serve",
        type=Path,
        metavar="FILE",
        help="serve the data without measuring, and write its addresses to FILE",
    )
    parser.add_argument(
        "--lake", type=Path, metavar="FILE", help="use the data that --serve FILE serves"
    )
    options = parser.parse_args(arguments)
    unknown = dict(options.against_pid).keys() - dict(options.against).keys()
    if unknown:
        parser.error(f"--against-pid without --against: {', '.join(sorted(unknown))}")
    return options


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def chosen(only: re.Pattern[str]) -> list[str]:
    names = [name for name, *_ in work.names()]
    names += [name for name, *_ in result.names()]
    names += [refresh.NAME, start.NAME, put.NAME]
    return [name for name in names if only.search(name)]


def measure(options: argparse.Namespace) -> Figures:
    wanted = chosen(options.only)
    figures: Figures = {"work": [], "result": [], "refresh": [], "start": [], "put": []}
    if put.NAME in wanted:
        say(put.NAME)
        figures["put"] += put.measure()
        wanted.remove(put.NAME)
    if not wanted:
        return figures
    with contextlib.ExitStack() as cleanup:
        without_queries = {refresh.NAME, start.NAME}
        if options.lake:
            place = lake.read(options.lake)
        else:
            say("starting an S3 server and storing the data")
            place = cleanup.enter_context(
                lake.started(
                    with_large=not without_queries.issuperset(wanted),
                    with_tiny=not without_queries.isdisjoint(wanted),
                )
            )
        if not without_queries.issuperset(wanted):
            # `ours` runs each query. `keeping` answers repeated queries from its result cache.
            ours = cleanup.enter_context(lake.queryd(place, result_cache_bytes=0))
            keeping = cleanup.enter_context(lake.queryd(place))
            local = cleanup.enter_context(lake.queryd(place, result_cache_bytes=0, local=True))
            servers = [
                Server(
                    name,
                    f"http://{each.query.address}",
                    Process(each.queryd.process.pid),
                    is_ours=each is ours,
                )
                for name, each in ((OURS, ours), (OURS_KEPT, keeping), (OURS_LOCAL, local))
            ]
            pids = dict(options.against_pid)
            servers += [
                Server(name, url, Process(int(pids[name]) if name in pids else None))
                for name, url in options.against
            ]
            engines = []
            if alone.program().exists():
                engine = cleanup.enter_context(alone.started(place))
                engines = [
                    Alone("DuckDB alone", engine),
                    Alone("DuckDB alone, prepared once", engine, prepare_once=True),
                ]
            else:
                say(f"without DuckDB alone: {alone.program()} is not built")
            # Large results are measured first. Their figures include memory, and the other work
            # leaves data in the engine's cache.
            for name, *what in result.names():
                if name in wanted:
                    say(name)
                    running = [server for server in servers if server.name not in WORK_ONLY]
                    figures["result"] += result.measure(
                        *what, running, engines[0] if engines else None
                    )
            for name, *what in work.names():
                if name in wanted:
                    say(name)
                    figures["work"] += work.measure(*what, servers + engines, options.seconds)
        if refresh.NAME in wanted:
            say(refresh.NAME)
            figures["refresh"] += refresh.measure(place)
        if start.NAME in wanted:
            say(start.NAME)
            figures["start"] += start.measure(place)
    return figures


def environment() -> dict[str, object]:
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=programs.REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["bench/run", *sys.argv[1:]]),
        "commit": commit.stdout.strip() or "unknown",
        "duckdb": (programs.REPO / "deps" / "duckdb.version").read_text().strip(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu[1] if cpu else "unknown",
        "load_before": os.getloadavg()[0],
    }


def markdown(about: dict, figures: Figures, compared: bool) -> str:
    parts = [
        f"`{about['command']}` on {about['date']}, commit {about['commit']}, "
        f"DuckDB {about['duckdb']}, {about['cores']} cores of {about['cpu']}, "
        f"load average {about['load_before']:.1f} before and {about['load_after']:.1f} after."
    ]
    sections: list[tuple[str, Callable]] = [
        ("work", work.table),
        ("result", result.table),
        ("refresh", refresh.table),
        ("start", refresh.table),
        ("put", put.table),
    ]
    parts += [table(figures[section]) for section, table in sections if figures[section]]
    if figures["work"] or figures["result"]:
        parts.append(COMPARED)
        if not compared:
            parts.append(NOT_COMPARED)
    return "\n\n".join(parts)


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
