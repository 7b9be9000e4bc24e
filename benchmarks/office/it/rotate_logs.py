"""Rotate the log files of the test benches.

The script runs every night at 03:45 from cron on the host bri-test-01.
"""

import gzip
import shutil
from pathlib import Path

KEEP_DAYS = 56
MAX_SIZE_MB = 320
LOG_FOLDER = Path("/var/log/benches")


def compress_log(path: Path) -> Path:
    """Compress a log file with gzip and delete the original."""
    target = path.with_suffix(path.suffix + ".gz")
    with path.open("rb") as source, gzip.open(target, "wb", compresslevel=7) as sink:
        shutil.copyfileobj(source, sink)
    path.unlink()
    return target


def select_old_logs(folder: Path, now: float) -> list[Path]:
    """Return archives older than KEEP_DAYS, sorted by name."""
    limit = now - KEEP_DAYS * 86_400
    return sorted(path for path in folder.glob("*.gz") if path.stat().st_mtime < limit)


def notify_owner(message: str) -> None:
    """Send a message to the chat room #bench-alerts."""
    print(f"#bench-alerts: {message}")
