"""Ask whether a distribution of a lock has a known vulnerability. ``make audit`` runs it.

The exit code is 0 when every distribution was checked and none has one, 1 when one has, and 3 when not every one could
be checked: pip-audit itself takes a distribution that its database does not know for one without vulnerabilities.
"""

import json
import subprocess
import sys

VULNERABLE, NOT_CHECKED = 1, 3


def main(lock: str) -> int:
    """Return the exit code for a lock, and print what was found."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip", "--require-hashes"]
    audit = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    try:
        distributions = json.loads(audit.stdout)["dependencies"]
    except ValueError:
        reason = (audit.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{lock}: nothing was checked, since no database of vulnerabilities could be asked: {reason}")
        return NOT_CHECKED
    checked = [entry for entry in distributions if "skip_reason" not in entry]
    vulnerable = [entry for entry in checked if entry["vulns"]]
    for entry in vulnerable:
        names = ", ".join(vulnerability["id"] for vulnerability in entry["vulns"])
        print(f"{lock}: {entry['name']} {entry['version']} has {names}")
    if not checked:
        print(f"{lock}: nothing was checked, since the database of vulnerabilities knows none of its distributions")
    else:
        print(
            f"{lock}: {len(checked)} of {len(distributions)} distributions were checked, {len(vulnerable)} vulnerable"
        )
    if vulnerable:
        return VULNERABLE
    return 0 if len(checked) == len(distributions) else NOT_CHECKED


if __name__ == "__main__":
    sys.exit(max(map(main, sys.argv[1:]), key=lambda code: (code == VULNERABLE, code)))
