"""A real Superset on the newest release: its own environment, loopback, two accounts, the dashboards.

The dashboards are Superset's own export format under bi/superset/assets; nothing of them is made here.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import requests
import yaml
from psycopg.conninfo import conninfo_to_dict

from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.runs.ports import PortTaken, ensure_free
from pipelines.settings import PROJECT, Settings

ROOM = PROJECT / "bi" / "superset"
ASSETS = ROOM / "assets"
DATABASE = "databases/thongsuot.yaml"
PYTHON = PROJECT / ".venv-superset" / "bin" / "python"
ACCOUNT, VIEWER = "thongsuot", "viewer"
# Superset shows this instead of a password, and asks for the real one when a bundle is imported.
MASKED = "XXXXXXXXXX"
START_SECONDS = 120


class SupersetError(RuntimeError):
    """Superset cannot be brought up; the text says what to do."""


@dataclass(frozen=True)
class Address:
    """Where Superset reads the marts: `uri` with the password masked, and the password apart."""

    uri: str
    password: str | None = None


@dataclass(frozen=True)
class Server:
    """A running Superset and the accounts made for it: one that administers, one that only looks."""

    url: str
    account: str
    password: str
    viewer: str
    viewer_password: str
    process: subprocess.Popen[bytes]


def is_installed() -> bool:
    return PYTHON.with_name("superset").exists()


def marts_address(settings: Settings) -> Address:
    """PostgreSQL as `bi_reader` where the release is exported there, else `marts.duckdb`.

    SupersetError where PostgreSQL is set without the reader's password, or no release was exported.
    """
    if settings.postgres_url:
        if not settings.bi_password:
            raise SupersetError(
                "THONGSUOT_POSTGRES_URL is set: Superset reads there as bi_reader, so set "
                "THONGSUOT_BI_PASSWORD, too (or unset both to read marts.duckdb)."
            )
        parts = conninfo_to_dict(settings.postgres_url)
        rest = {k: str(v) for k, v in parts.items() if k in {"sslmode", "sslrootcert", "hostaddr"}}
        host = str(parts.get("host") or "localhost")
        if host.startswith("/"):  # a socket's folder goes into the query
            rest["host"], host = host, ""
        place = f"{host}:{parts['port']}" if parts.get("port") and host else host
        uri = f"postgresql+psycopg2://bi_reader:{MASKED}@{place}/{quote(str(parts.get('dbname', '')))}"
        return Address(uri + (f"?{urlencode(rest)}" if rest else ""), settings.bi_password)
    file = duckdb_file.marts_file(settings)
    if not file.exists():
        raise SupersetError(f"There is no {file}: run `thongsuot run` first, with marts_duckdb exported.")
    # Read-only, and no way from its SQL to other files of this machine or to more of its memory and cores.
    options = {
        "access_mode": "READ_ONLY",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    return Address(f"duckdb:///{quote(str(file))}?{urlencode(options)}")


def contents(address: Address) -> dict[str, str]:
    """Path → YAML of the bundle; the database is the only file that depends on the place."""
    files = {
        str(f.relative_to(ASSETS)): f.read_text(encoding="utf-8") for f in sorted(ASSETS.rglob("*.yaml"))
    }
    database = yaml.safe_load(files[DATABASE]) | {"sqlalchemy_uri": address.uri}
    return files | {DATABASE: yaml.safe_dump(database, allow_unicode=True, sort_keys=False)}


def bundle(address: Address) -> bytes:
    """The same as the ZIP that any Superset imports (Dashboards → Import); no password in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in contents(address).items():
            archive.writestr(f"thongsuot/{path}", text)
    return packed.getvalue()


@contextmanager
def serve(settings: Settings, port: int) -> Iterator[Server]:
    """A Superset that answers on 127.0.0.1:`port`, holding the project's dashboards; stopped at the end."""
    if not is_installed():
        raise SupersetError("Superset is not installed: `make superset` does that, into .venv-superset.")
    _ensure_free(port)
    address = marts_address(settings)
    home = _home(settings)
    password, viewer_password = _secret(home / "password", 15), _secret(home / "viewer_password", 15)
    _secret(home / "secret_key", 48)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SUPERSET_", "FLASK_", "THONGSUOT_"))},
        "SUPERSET_CONFIG_PATH": str(ROOM / "superset_config.py"),
        "THONGSUOT_SUPERSET_HOME": str(home),
        "SUPERSET_HOME": str(home),
        "SCARF_ANALYTICS": "false",
    }
    _prepare(home, environment, address, password, viewer_password)
    url = f"http://127.0.0.1:{port}"
    words = ["-b", f"127.0.0.1:{port}", "-w", "1", "-k", "gthread", "--threads", "8", "--timeout", "120"]
    log = home / "superset.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "gunicorn", *words, "superset.app:create_app()"],
            env=environment,
            stdout=output,
            stderr=output,
            cwd=home,
        )
    try:
        _await(f"{url}/health", process, log)
        yield Server(url, ACCOUNT, password, VIEWER, viewer_password, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _home(settings: Settings) -> Path:
    """Superset's own state: its database of charts and accounts, its log, its secrets; for the owner only."""
    home = settings.data / "superset"
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    return home


def _secret(path: Path, length: int) -> str:
    """The secret of the file, made at random the first time; readable by the owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(length))
    return path.read_text(encoding="ascii")


def _prepare(
    home: Path, environment: dict[str, str], address: Address, password: str, viewer_password: str
) -> None:
    """Superset's tables, accounts and dashboards; nothing where all of them are as they were left."""
    files = contents(address)
    orders = {
        "account": {"name": ACCOUNT, "password": password},
        "viewer": {"name": VIEWER, "password": viewer_password},
        "contents": files,
        "passwords": {DATABASE: address.password} if address.password else {},
    }
    locked = (ROOM / "requirements.lock").read_text(encoding="utf-8")
    code = (ROOM / "prepare.py").read_text(encoding="utf-8")
    state = hashlib.sha256(f"{locked}{code}{json.dumps(orders, sort_keys=True)}".encode()).hexdigest()
    stamp = home / "prepared"
    if (home / "superset.db").exists() and stamp.exists() and stamp.read_text() == state:
        return
    result = subprocess.run(
        [str(PYTHON), str(ROOM / "prepare.py")],
        input=json.dumps(orders),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    (home / "prepare.log").write_text(result.stdout + result.stderr, encoding="utf-8")
    if result.returncode:
        last = result.stderr.strip().splitlines()[-1:] or ["no word"]
        raise SupersetError(f"Superset could not be prepared: {last[0]} (all of it: {home / 'prepare.log'})")
    stamp.write_text(state)


def _ensure_free(port: int) -> None:
    """Else the server that has the port would be taken for ours."""
    try:
        ensure_free("127.0.0.1", port)
    except PortTaken as error:
        raise SupersetError(str(error)) from None


def _await(health: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(health, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.5)
    raise SupersetError(f"Superset does not answer on {health}: see {log}.")
