"""`python -m crm.healthcheck web|beat`: exit code 0 when that part of the product is well. For containers."""

import http.client
import os
import sys
import time
from pathlib import Path

# Beat writes its file every three minutes.
OLDEST_BEAT = 10 * 60


def web(port: int = 8000) -> bool:
    """The process answers. With the name of a host that it serves, or it would refuse the request itself."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        caller.request("GET", "/healthz", headers={"Host": host})
        return caller.getresponse().status == 200
    except OSError:
        return False


def beat() -> bool:
    schedule = Path(os.environ.get("BEAT_SCHEDULE", "/tmp/beat"))  # noqa: S108 - a container's own
    written = [path.stat().st_mtime for path in schedule.parent.glob(f"{schedule.name}*")]
    return bool(written) and time.time() - max(written) < OLDEST_BEAT


if __name__ == "__main__":
    well = {"web": web, "beat": beat}[sys.argv[1]]()
    sys.exit(0 if well else 1)
