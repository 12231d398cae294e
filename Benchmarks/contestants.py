"""The programs that watch a tree, each as a child process with the same few questions to ask of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path


class Contestant:
    """A child process; `ready()` returns when it watches the whole tree."""

    name = ""

    def __init__(self, tree: Path, scratch: Path):
        self.tree, self.scratch = tree, scratch
        self.process: subprocess.Popen | None = None

    def __enter__(self):
        self.began = time.monotonic()
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def status(self, key: str) -> int:
        """A number of /proc/PID/status, e.g. VmHWM in KiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def switches(self) -> Counter[str]:
        """Context switches of all threads by their names: a thread that sleeps makes none."""
        total = Counter()
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            name = (task / "comm").read_text().strip()
            total[name] += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()))
        return total

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Adapterd(Contestant):
    name = "adapterd"
    binary = Path("adapterd")

    def start(self):
        home = self.scratch / f"adapterd-{time.monotonic_ns()}"
        home.mkdir()
        self.store, self.journal = home / "store", home / "stderr"
        (home / "adapterd.toml").write_text(
            f'endpoint = "file://{self.store}"\n[[publish]]\noutputs = "{self.tree}"\n'
            'repo = "bench/{directory}"\nmin_interval = "0"\n'
        )
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(home / "notify"))
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "STATE_DIRECTORY": str(home / "state"),
            "RUNTIME_DIRECTORY": str(home / "run"), "NOTIFY_SOCKET": str(home / "notify"),
        }  # fmt: skip
        with open(self.journal, "wb") as journal:
            self.process = subprocess.Popen(
                [self.binary, "run", "--config", home / "adapterd.toml"], env=environment, stderr=journal
            )

    def ready(self):
        while b"READY=1" not in self.notify.recv(65536):
            pass
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        while self.notify.recv(65536):
            pass

    def repos(self) -> set[str]:
        return {path.parent.name.split("--")[-1] for path in self.store.glob("models--*/snapshots")}

    def said(self, text: str) -> int:
        return self.journal.read_text(errors="replace").count(text)


class Inotifywait(Contestant):
    name = "inotifywait -m -r"

    def start(self):
        self.seen: set[bytes] = set()
        self.process = subprocess.Popen(
            ["inotifywait", "-m", "-r", "-e", "close_write", "--format", "%w%f", self.tree],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ready(self):
        while b"established" not in (line := self.process.stderr.readline()):
            if not line:
                raise RuntimeError("inotifywait ended")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.seen.add(line.rstrip(b"\n"))

    def count(self) -> int:
        return quiet(lambda: len(self.seen))


class Watchdog(Contestant):
    name = "watchdog (Python)"

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--observe", self.tree],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def ready(self):
        self.process.stdout.readline()

    def count(self) -> int:
        return quiet(self._ask)

    def _ask(self) -> int:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def quiet(count) -> int:
    """What `count` gives when it gives the same for two seconds."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        if (now := count()) != last:
            last, since = now, time.monotonic()
    return last


def observe(root: str):
    """Watches `root` with watchdog, and tells how many files it saw being made whenever it is asked."""
    from watchdog.events import FileSystemEventHandler
    from watchdog.observers import Observer

    seen = set()

    class Handler(FileSystemEventHandler):
        def on_created(self, event):
            if not event.is_directory:
                seen.add(event.src_path)

    observer = Observer()
    observer.schedule(Handler(), root, recursive=True)
    observer.start()
    sentinel = Path(root) / f"sentinel-{os.getpid()}"
    while str(sentinel) not in seen:
        sentinel.touch()
        time.sleep(0.005)
        if str(sentinel) not in seen:
            sentinel.unlink()
    sentinel.unlink(missing_ok=True)
    seen.clear()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(len(seen), flush=True)


def versions(binary: Path) -> dict[str, str]:
    import importlib.metadata

    wait = subprocess.run(["inotifywait", "--help"], capture_output=True, text=True).stdout.split("\n")[0]
    return {
        "adapterd": f"{shutil.which(str(binary)) or binary}, {binary.stat().st_size >> 20} MiB",
        "inotifywait": wait,
        "watchdog": importlib.metadata.version("watchdog"),
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    observe(sys.argv[2])
