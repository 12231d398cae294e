"""How fast and how surely a tree is watched: adapterd beside find, inotifywait and Python's watchdog.

Everything is measured on one tree in one run; see README.md for what the figures mean.
"""

import argparse
import json
import multiprocessing
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from contestants import Adapterd, Inotifywait, Watchdog, versions

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
FIXTURE = Path(__file__).parent.parent / "Tests/TestSupport/Resources/outputs/mlx-lora/adapters"


def make_tree(root: Path, directories: int, files: int):
    """`directories` directories, a hundred in each of the upper ones, with `files` files spread over them."""
    each = max(files // directories, 0)
    for number in range(directories):
        directory = root / f"group-{number // 100}" / f"run-{number}"
        directory.mkdir(parents=True)
        for name in range(each):
            (directory / f"file-{name}.txt").touch()


def add_adapter(root: Path, name: str) -> float:
    """Writes a whole adapter; returns when its last file was closed."""
    partial = root / name
    shutil.copytree(FIXTURE, partial)
    return time.monotonic()


def measure_ready(tree: Path, scratch: Path, rounds: int) -> dict:
    def find() -> float:
        began = time.monotonic()
        subprocess.run(["find", tree, "-type", "d"], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - began

    def ready(kind, where: Path) -> float:
        with kind(where, scratch) as contestant:
            contestant.ready()
            return time.monotonic() - contestant.began

    def cold(measure) -> float:
        DROP_CACHES.write_text("2")  # directories and inodes; the programs themselves stay in memory
        return measure()

    empty = scratch / "empty"
    empty.mkdir(exist_ok=True)
    find()  # so that the cache is as warm for the first as for the last
    result = {"find -type d": statistics.median(find() for _ in range(rounds))}
    for kind in (Adapterd, Inotifywait, Watchdog):
        result[f"{kind.name}, an empty tree"] = statistics.median(ready(kind, empty) for _ in range(rounds))
        result[kind.name] = statistics.median(ready(kind, tree) for _ in range(rounds))
    if os.access(DROP_CACHES, os.W_OK):
        result["find -type d, nothing cached"] = statistics.median(cold(find) for _ in range(rounds))
        for kind in (Adapterd, Inotifywait, Watchdog):
            result[f"{kind.name}, nothing cached"] = statistics.median(
                cold(lambda: ready(kind, tree)) for _ in range(rounds)
            )
    return result


def storm(tree: Path, writer: int, events: int):
    """Makes `events` file events: each round of five is create, close after writing, two of a rename, delete."""
    directory = tree / f"storm-{writer}"
    directory.mkdir(exist_ok=True)
    for number in range(events // 5):
        path = directory / f"{number % 1000}"
        path.write_bytes(b"x")
        path.rename(directory / "renamed")
        (directory / "renamed").unlink()


def publication(daemon: Adapterd, tree: Path, name: str) -> float:
    """Writes a whole adapter; returns how long after its last close it was published."""
    closed = add_adapter(tree, name)
    while name not in daemon.repos():
        time.sleep(0.01)
    return time.monotonic() - closed


def run_storm(tree: Path, events: int, during=lambda: None, writers: int = 2) -> float:
    """Returns how long the storm took; `during` is called in its midst."""
    os.sync()  # what was written before is not to slow this down
    began = time.monotonic()
    processes = [
        multiprocessing.Process(target=storm, args=(tree, writer, events // writers)) for writer in range(writers)
    ]
    for process in processes:
        process.start()
    while time.monotonic() - began < 0.5:
        time.sleep(0.05)
    during()
    for process in processes:
        process.join()
    return time.monotonic() - began


def measure_storm(tree: Path, scratch: Path, events: int) -> dict:
    run_storm(tree, events // 5)  # the first one is slower, whoever watches
    result = {}
    with Adapterd(tree, scratch) as daemon:
        daemon.ready()
        calm = publication(daemon, tree, f"calm-adapter-{time.monotonic_ns()}")
        before, cpu = daemon.status("VmHWM"), daemon.cpu()
        wait = []
        name = f"storm-adapter-{time.monotonic_ns()}"
        lasted = run_storm(tree, events, lambda: wait.append(publication(daemon, tree, name)))
        result["adapterd"] = {
            "storm_seconds": lasted, "publication_seconds": wait[0], "publication_without_storm_seconds": calm,
            "peak_before_kib": before, "peak_after_kib": daemon.status("VmHWM"), "cpu_seconds": daemon.cpu() - cpu,
            "overflow_rescans": daemon.said("overflow"),
        }  # fmt: skip
    for kind in (Inotifywait, Watchdog):
        with kind(tree, scratch) as contestant:
            contestant.ready()
            before, cpu = contestant.status("VmHWM"), contestant.cpu()
            lasted = run_storm(tree, events)
            contestant.count()
            result[kind.name] = {
                "storm_seconds": lasted, "peak_before_kib": before, "peak_after_kib": contestant.status("VmHWM"),
                "cpu_seconds": contestant.cpu() - cpu,
            }  # fmt: skip
    return result


def measure_gaps(tree: Path, scratch: Path, events: int) -> dict:
    """How long the kernel's queue is left unread in a storm: from the end of one read(2) of it to the next.

    strace slows the daemon down, so the storm is shorter and the figures are an upper bound.
    """
    with Adapterd(tree, scratch) as daemon:
        daemon.ready()
        thread = next(
            task.name for task in Path(f"/proc/{daemon.process.pid}/task").iterdir()
            if (task / "comm").read_text().strip() == "adapterd-watch"
        )  # fmt: skip
        log = scratch / "strace"
        tracer = subprocess.Popen(["strace", "-ttt", "-e", "trace=read,poll", "-p", thread, "-o", log],
                                  stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(1)
        run_storm(tree, events)
        tracer.terminate()
        tracer.wait()
    gaps, last = [], None
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"([\d.]+) (read|poll)\((.*)", line)
        if not match:
            continue
        at, call, rest = float(match[1]), match[2], match[3]
        if call == "read" and last is not None:
            gaps.append(at - last)
        # A poll that had to wait found the queue empty: what it waited is nobody's delay.
        last = at if call == "read" else (last if "timeout=0" in rest or ", 0)" in rest else None)
    gaps.sort()
    if not gaps:
        return {"reads": 0}
    return {
        "reads": len(gaps), "median": gaps[len(gaps) // 2], "p99": gaps[int(len(gaps) * 0.99)], "longest": gaps[-1],
    }  # fmt: skip


def measure_seen(tree: Path, scratch: Path, files: int, adapters: int) -> dict:
    """`files` new files in a hundred directories, as fast as one process can; for adapterd, adapters among them."""

    def directories() -> Path:
        root = tree / f"seen-{time.monotonic_ns()}"
        for number in range(100):
            (root / str(number)).mkdir(parents=True)
        return root

    def write(root: Path, each=lambda number: None) -> float:
        os.sync()
        time.sleep(1)  # so that nobody's count depends on how fast it watches new directories
        began = time.monotonic()
        for number in range(files):
            os.close(os.open(root / str(number % 100) / f"{number}", os.O_CREAT | os.O_WRONLY))
            each(number)
        return time.monotonic() - began

    result = {}
    for kind in (Inotifywait, Watchdog):
        with kind(tree, scratch) as contestant:
            contestant.ready()
            seconds = write(directories())
            result[kind.name] = {"seen": contestant.count(), "of": files, "seconds": seconds}
        root = directories()
        with kind(root, scratch) as contestant:
            contestant.ready()
            seconds = write(root)
            result[f"{kind.name}, told to watch these alone"] = {
                "seen": contestant.count(), "of": files, "seconds": seconds,
            }  # fmt: skip
    with Adapterd(tree, scratch) as daemon:
        daemon.ready()
        mark = f"seen-{time.monotonic_ns()}"

        def each(number: int):
            if number % (files // adapters) == 0:
                add_adapter(tree, f"{mark}-{number}")

        seconds = write(directories(), each)
        limit = time.monotonic() + 600
        while (published := sum(repo.startswith(mark) for repo in daemon.repos())) < adapters:
            if time.monotonic() > limit:
                break
            time.sleep(0.1)
        result["adapterd"] = {"adapters published": published, "of": adapters, "seconds": seconds}
    return result


def measure_idle(tree: Path, scratch: Path, seconds: int) -> dict:
    result = {}
    for kind in (Adapterd, Inotifywait, Watchdog):
        with kind(tree, scratch) as contestant:
            contestant.ready()
            time.sleep(15)  # what was there at the start has been looked at
            before, cpu = contestant.switches(), contestant.cpu()
            time.sleep(seconds)
            switches = {name: count - before[name] for name, count in contestant.switches().items()}
            result[kind.name] = {
                "seconds": seconds, "context_switches": switches, "cpu_seconds": contestant.cpu() - cpu,
            }  # fmt: skip
    return result


def show(report: dict):
    print(f"\n{report['machine']}\n{report['versions']}\n{report['limits']}")
    ready = report["ready"]
    print(f"\nReady: {report['tree']}")
    for name, seconds in ready.items():
        find = ready["find -type d, nothing cached" if name.endswith(", nothing cached") else "find -type d"]
        print(f"  {name:40} {seconds:8.3f} s {seconds / find:8.2f} x find")
    for title in ("storm", "gaps", "seen", "idle"):
        print(f"\n{title.capitalize()}:")
        for name, figures in report[title].items():
            print(f"  {name:50} {figures}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seen", type=int, default=100_000)
    parser.add_argument("--adapters", type=int, default=50)
    parser.add_argument("--idle", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", type=Path, default=None)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    Adapterd.binary = options.binary.resolve()
    limits = {path.name: int(path.read_text()) for path in Path("/proc/sys/fs/inotify").iterdir()}
    with tempfile.TemporaryDirectory(prefix="bench-watching-", dir=options.scratch) as scratch:
        scratch = Path(scratch).resolve()
        tree = scratch / "tree"
        tree.mkdir()
        make_tree(tree, options.directories, options.files)
        report = {
            "machine": f"{os.cpu_count()} processors, Linux {platform.release()}",
            "versions": versions(Adapterd.binary),
            "limits": limits,
            "tree": f"{options.directories} directories, {options.files} files",
            "ready": measure_ready(tree, scratch, options.rounds),
            "idle": measure_idle(tree, scratch, options.idle),
            "storm": measure_storm(tree, scratch, options.events),
            "gaps": measure_gaps(tree, scratch, options.events // 5),
            "seen": measure_seen(tree, scratch, options.seen, options.adapters),
        }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
