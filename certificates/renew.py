"""Gets the gateway's certificate from a CA by ACME, and renews it while the gateway serves.

The volume has the account and all certificates in `acme`, the CA's question in `webroot`, and the
certificate that the gateway serves, with its key, in `site.pem`.
"""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509

FOLDER = Path("/certificates")
SERVED = FOLDER / "site.pem"
# One of the two is there, and the health check prints it (infra/certifier.py).
GOOD, BAD = FOLDER / "good", FOLDER / "bad"
LINEAGE = "site"
CERTBOT = "import sys, certbot.main; sys.exit(certbot.main.main())"
TRIES_OF_CERTBOT = timedelta(minutes=10)
# certbot runs a hundred times while a certificate is valid, within these bounds. It renews when a
# third of that time is left, or when the CA says so.
LOOKS, LONGEST, SHORTEST = 100, timedelta(hours=6), timedelta(seconds=5)
# A CA refuses who asks too often: Let's Encrypt takes five failures an hour for a name.
PATIENCE = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60))


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tell("the CA is being asked")
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": _trusted_roots()}
    failures = 0
    while True:
        problem = _ask(environment)
        failures = failures + 1 if problem else 0
        if not problem:
            _serve()
        tell(state(problem, failures), good=not problem)
        time.sleep(pause(failures).total_seconds())


def _trusted_roots() -> str:
    """Return a file with the public CAs, and the root of the one that ROOT_CERTIFICATE names."""
    file = Path("/tmp/roots.pem")
    own = os.environ.get("ROOT_CERTIFICATE", "")
    file.write_text(f"{certifi.contents()}\n{own}\n")
    return str(file)


def _ask(environment: dict[str, str]) -> str:
    """Let certbot get or renew the certificate; return why it could not."""
    names = os.environ["NAMES"].split()
    command: list[str | Path] = [
        *(sys.executable, "-c", CERTBOT, "certonly", "--config", "/app/certbot.ini"),
        *("--server", os.environ["DIRECTORY"], "--email", os.environ["EMAIL"]),
        *("--cert-name", LINEAGE, "--domains", ",".join(names), "--renew-with-new-domains"),
        *("--config-dir", FOLDER / "acme", "--work-dir", "/tmp/work", "--logs-dir", "/tmp/log"),
        "--keep-until-expiring",
    ]
    (FOLDER / "webroot").mkdir(exist_ok=True)
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TRIES_OF_CERTBOT.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the CA did not finish within {TRIES_OF_CERTBOT}"
    return "" if done.returncode == 0 else reason(done.stdout)


def reason(output: str) -> str:
    """Return what the CA said, or the last line that is not certbot's own advice."""
    print(output, flush=True)
    details = re.findall(r"Identifier: (.*)\n\s*Type: .*\n\s*Detail: (.*)", output)
    if details:
        return "; ".join(f"{name}: {said}" for name, said in details)
    lines = [line for line in output.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Saving debug log", "Ask for help"))]
    return said[-1] if said else "certbot ended without a reason"


def _serve() -> None:
    """Give the gateway certbot's certificate if it is a new one, by a rename: never half of it."""
    live = FOLDER / "acme" / "live" / LINEAGE
    text = (live / "fullchain.pem").read_text() + (live / "privkey.pem").read_text()
    if SERVED.exists() and SERVED.read_text() == text:
        return
    partial = FOLDER / ".site.pem"
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(SERVED)
    print(f"the gateway takes over a certificate until {_served().not_valid_after_utc}", flush=True)


def _served() -> x509.Certificate:
    return x509.load_pem_x509_certificates(SERVED.read_bytes())[0]


def state(problem: str, failures: int) -> str:
    if not SERVED.exists():
        standing = "no certificate yet"
    else:
        left = _served().not_valid_after_utc - datetime.now(UTC)
        standing = f"{left.days} days left" if left > timedelta() else "expired"
    if not problem:
        return standing
    again = datetime.now(UTC) + pause(failures)
    return f"{standing}; the CA is asked again at {again:%H:%M} UTC, as this failed: {problem}"


def tell(standing: str, *, good: bool = True) -> None:
    line = f"{os.environ['NAMES']}: {standing}"
    shown, other = (GOOD, BAD) if good else (BAD, GOOD)
    shown.write_text(f"{line}\n")
    other.unlink(missing_ok=True)
    print(line, flush=True)


def pause(failures: int) -> timedelta:
    """Return how long to wait. Short-lived certificates need more looks, and less patience."""
    patience = PATIENCE[min(failures, len(PATIENCE)) - 1]
    if not SERVED.exists():
        return patience
    served = _served()
    look = (served.not_valid_after_utc - served.not_valid_before_utc) / LOOKS
    return max(SHORTEST, min(look, patience if failures else LONGEST))


if __name__ == "__main__":
    main()
