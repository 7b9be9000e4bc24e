"""Keep a server busy with mixed requests and faults, and see that it neither grows nor leaks. ``make soak`` runs it.

Usage: ``python benchmarks/soak.py [SECONDS]``. After a minute of each server, or a third of a shorter turn, its memory,
threads and open files are noted; at the end of the turn they are compared. Nothing may grow beyond ``MAX_GROWTH``, and
no answer may be anything but 200, 400, 408, 413, 415, 421 or 503. The server is started three times.
"""

import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import requests

THREADS, RELOADS = 8, 3
MAX_GROWTH = {"MB": 1.15, "threads": 1.2, "files": 1.2}
DOCUMENTED = {200, 400, 408, 413, 415, 421, 503}
QUESTIONS = ["What is LangChain?", "Tell me about stages.", "How is a profile named?", "漢字 " * 50, "x" * 9_000]


@dataclass
class Server:
    """A process of ``serving up``, and the process that answers."""

    up: "subprocess.Popen[str]"
    port: int
    pid: int

    def measure(self) -> dict[str, float]:
        """Return the resident memory in MB, and the numbers of threads and open files."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        memory = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
        threads = int(re.findall(r"Threads:\s+(\d+)", status)[0])
        return {"MB": memory, "threads": threads, "files": len([*Path(f"/proc/{self.pid}/fd").iterdir()])}


def start(folder: Path) -> Server:
    """Start a server in ``folder`` and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving", "up", "--stream", "--grace", "5", "--port", str(port)]
    up = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    if not (up.stdout and up.stdout.readline().startswith("Serving")):
        raise SystemExit("the server did not start")
    children = Path(f"/proc/{up.pid}/task/{up.pid}/children").read_text("utf-8").split()
    return Server(up, port, int(children[0]))


def send(port: int, chance: random.Random) -> str:
    """Send one request, right or wrong, and return its status; a fault of this client's own making has a name."""
    url, question = f"http://127.0.0.1:{port}", chance.choice(QUESTIONS)
    kind = chance.random()
    if kind < 0.05:  # half a body, and gone
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        return "half"
    if kind < 0.1:  # a stream that is left after its first event
        body = {"inputs": {"qa": {"question": question}}}
        with requests.post(f"{url}/stream", json=body, stream=True, timeout=60) as reply:
            next(reply.iter_content(64))
        return "left"
    if kind < 0.15:
        return str(requests.post(f"{url}/invocations", data=b"{", timeout=60).status_code)
    if kind < 0.17:
        big = {"inputs": {"qa": {"question": "x" * chance.choice([10**6, 10**7])}}}
        return str(requests.post(f"{url}/invocations", json=big, timeout=60).status_code)
    if kind < 0.2:
        return str(requests.get(f"{url}/ping", headers={"Host": "evil.example"}, timeout=60).status_code)
    row: dict[str, dict[str, object]] = {"qa": {"question": question, "k": chance.randint(1, 20)}}
    if kind < 0.3:
        row["image_generation"] = {"prompt": "A diagram of {qa.answer}"}
    rows = [row] * chance.choice([1, 1, 1, 20])
    return str(requests.post(f"{url}/invocations", json={"inputs": rows}, timeout=120).status_code)


def keep_busy(server: Server, seconds: float, seed: int) -> Counter[str]:
    """Send requests from several threads for some seconds; return how often each status came."""
    until, counts = time.monotonic() + seconds, Counter[str]()

    def work(number: int) -> None:
        chance = random.Random(seed + number)
        while time.monotonic() < until:
            try:
                counts[send(server.port, chance)] += 1
            except (requests.RequestException, StopIteration) as error:
                counts[type(error).__name__] += 1

    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def soak(folder: Path, seconds: float) -> list[str]:
    """Keep servers busy, print what was measured, and return what is wrong."""
    problems: list[str] = []
    for reload in range(RELOADS):
        server = start(folder)
        turn = seconds / RELOADS
        warm_up = min(60.0, turn / 3)
        counts = keep_busy(server, warm_up, reload * 100)
        time.sleep(3)  # until what was left half done has ended
        before = server.measure()
        counts += keep_busy(server, turn - warm_up, reload * 100 + 50)
        time.sleep(3)
        after = server.measure()
        server.up.terminate()
        server.up.wait(30)
        print(json.dumps({"server": reload + 1, "before": before, "after": after, "answers": dict(counts)}))
        problems += [
            f"server {reload + 1}: {name} grew from {before[name]:.0f} to {after[name]:.0f}"
            for name, growth in MAX_GROWTH.items()
            if after[name] > before[name] * growth + 2
        ]
        undocumented = {status for status in counts if status.isdecimal() and int(status) not in DOCUMENTED}
        problems += [f"server {reload + 1}: status {status}, {counts[status]} times" for status in sorted(undocumented)]
        if Path(f"/proc/{server.pid}").exists():
            problems.append(f"server {reload + 1}: its process is left")
    return problems


if __name__ == "__main__":
    os.environ["TMPDIR"] = scratch = tempfile.mkdtemp(prefix="soak-")
    folder = Path(scratch) / "store"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "training", "run"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    problems = soak(folder, float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)
    left = [path.name for path in Path(scratch).glob("multichain-*")]
    print(
        "\n".join([*problems, *[f"left behind: {name}" for name in left]]) or "Nothing grew, leaked or was left behind"
    )
    sys.exit(bool(problems or left))
