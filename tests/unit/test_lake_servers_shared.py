"""A lake on servers is used by others too: readers, a second machine, another installation in the same bucket."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.lake.file_places import BucketFiles
from pipelines.lake.location import locate_lake
from pipelines.lake.server_errors import LakeReadOnly, LakeUnreachable
from pipelines.operations.check_data import check_lake
from pipelines.operations.migrate_lake import migrate_lake
from pipelines.releases.restore import restore
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from tests.support.relay import relay
from tests.support.servers import Bucket, grant_reading, serve_bucket
from tests.support.small_lake import read, release

LATER = datetime(2030, 1, 1)


# Seconds between a reader's rounds: without, readers take the cores from the publisher.
PAUSE = 0.1


class Reader(threading.Thread):
    """Reads two tables that must agree, three times in one transaction, again and again; keeps each disagreement and
    each error."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.stopped = settings, threading.Event()
        self.faults: list[object] = []
        self.last, self.reads = 0, 0

    def run(self) -> None:
        while not self.stopped.wait(PAUSE):
            try:
                with open_lake(self.settings) as con:
                    con.execute("begin")
                    for _ in range(3):
                        one = con.execute("select max(n) from lake.marts.task").fetchone()
                        other = con.execute("select max(n) from lake.marts.counts").fetchone()
                        if one != other or one is None:
                            self.faults.append((one, other))
                    con.execute("rollback")
                    assert one
                    self.last, self.reads = one[0], self.reads + 1
            except Exception as error:
                self.faults.append(error)


@contextmanager
def read_throughout(settings: Settings, readers: int = 2) -> Iterator[list[Reader]]:
    threads = [Reader(settings) for _ in range(readers)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.stopped.set()
        for thread in threads:
            thread.join()


def wait_until_all_read(readers: list[Reader], number: int) -> None:
    """Nobody is in the middle of an older release: what is pruned then is read by nobody."""
    until = time.monotonic() + 60
    while any(reader.last != number for reader in readers):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_readers_see_whole_releases_while_others_are_published_restored_and_pruned(remote: Settings) -> None:
    release(remote, [("a", 1)], counts=[("all", 1)])
    with read_throughout(remote) as readers:
        for number in (2, 3):
            release(remote, [("a", number)], counts=[("all", number)])
        restore(remote, 1, run_id="run", author="a", reason="b")
        wait_until_all_read(readers, 1)
        pruned = prune(remote, author="a", reason="old", keep_days=0, now=LATER)
        assert pruned.releases == [1, 2, 3]
        release(remote, [("a", 4)], counts=[("all", 4)])
        wait_until_all_read(readers, 4)
    assert [fault for reader in readers for fault in reader.faults] == []
    assert min(reader.reads for reader in readers) >= 2


@pytest.mark.full
def test_who_may_only_read_reads_and_verifies_and_publishes_nothing(remote: Settings, bucket: Bucket) -> None:
    release(remote, [("a", 1)])
    reading = grant_reading(remote, "reader_of_lakes")
    assert reading.lake_servers and reading.lake_servers != remote.lake_servers
    with serve_bucket(bucket.folder, 0, "--read-only") as store:
        reading = replace(reading, lake_servers=reading.lake_servers._replace(endpoint=store.endpoint))
        assert read(reading, "from lake.marts.task") == [("a", 1)]
        assert verify_releases(reading).findings == []
        with pytest.raises(LakeReadOnly, match="permission denied for table"), exclusive(reading):
            release(reading, [("a", 2)])
        writing = replace(remote, lake_servers=remote.lake_servers._replace(endpoint=store.endpoint))
        with pytest.raises(LakeUnreachable, match="HTTP 500 for HTTP PUT"), exclusive(writing):
            release(writing, [("a", 2)])
    assert read(remote, "from lake.marts.task") == [("a", 1)]
    assert verify_releases(remote).findings == []


@pytest.mark.full
def test_two_installations_in_one_folder_of_a_bucket_leave_one_another_alone(
    remote: Settings, postgres_server: str, tmp_path: Path
) -> None:
    assert remote.lake_servers
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute("drop database if exists neighbour with (force)")
        pg.execute("create database neighbour")
    servers = remote.lake_servers._replace(
        catalogue=remote.lake_servers.catalogue.replace("/lake?", "/neighbour?")
    )
    neighbour = replace(remote, data=tmp_path / "neighbour", lake_servers=servers)
    for number in (1, 2, 3):
        release(remote, [("a", number)])
        release(neighbour, [("b", number)])
    for one in (remote, neighbour):
        prune(one, author="a", reason="old", keep_days=0, now=LATER)
        assert verify_releases(remote).findings == verify_releases(neighbour).findings == []


def test_a_folder_of_more_files_than_one_answer_lists_is_listed_whole(
    remote: Settings, bucket: Bucket
) -> None:
    names = {f"marts/task/{number:04d} hồ sơ.parquet" for number in range(1001)}
    folder = bucket.folder / remote.data.name
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"abc")
    bucket.notice_changes()
    location = locate_lake(remote)
    assert isinstance(location.files, BucketFiles)
    with duck.connect(remote.extensions, loading=location.extensions) as con:
        location.log_in(con)
        assert location.files.list_sizes(con, "marts") == dict.fromkeys(names, 3)
        # One that was pruned between the list and the reading is left out.
        [(_, sha256)] = location.files.hash_files(
            con, [*sorted(names)[:1], "marts/task/gone.parquet"]
        ).items()
    assert (
        sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # of "abc", FIPS 180-4


@pytest.mark.full
def test_names_and_options_of_a_database_may_hold_any_sign(remote: Settings, postgres_server: str) -> None:
    assert remote.lake_servers
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute('drop database if exists "hồ ""sơ\' 1" with (force)')
        pg.execute('create database "hồ ""sơ\' 1"')
    catalogue = postgres_server.replace("/postgres?", "/h%E1%BB%93%20%22s%C6%A1%27%201?")
    catalogue += "&application_name=s%E1%BB%91%20li%E1%BB%87u%20%27a%27&options=-c%20statement_timeout%3D1min"
    odd = replace(remote, lake_servers=remote.lake_servers._replace(catalogue=catalogue))
    release(odd, [("a", 1)])
    assert read(odd, "from lake.marts.task") == [("a", 1)] and verify_releases(odd).findings == []


@pytest.mark.full
def test_a_store_behind_a_slow_wire_that_is_cut_in_uploads_gets_a_whole_release_or_none(
    remote: Settings, bucket: Bucket
) -> None:
    assert remote.lake_servers
    release(remote, [("a", 1)])
    with relay(int(bucket.endpoint.rpartition(":")[2])) as wire:
        servers = remote.lake_servers._replace(endpoint=f"http://127.0.0.1:{wire.port}")
        behind = replace(remote, lake_servers=servers)
        wire.delay_seconds, wire.cuts = 0.05, 2
        release(behind, [("a", 2)])  # tried again
        assert wire.cuts == 0 and wire.uploads > 2
        wire.delay_seconds, wire.cuts = 0, 10_000
        with pytest.raises(LakeUnreachable), exclusive(behind):
            release(behind, [("a", 3)])
        wire.cuts = 0
        assert read(behind, "from lake.marts.task") == [("a", 2)]
        release(behind, [("a", 3)])
    assert read(remote, "from lake.marts.task") == [("a", 3)] and verify_releases(remote).findings == []


def test_releases_that_the_settings_do_not_name_are_told_to_readers_and_by_the_doctor(
    remote: Settings,
) -> None:
    local = replace(remote, lake_servers=None)
    release(local, [("a", 1)])
    with pytest.raises(
        FileNotFoundError, match=r"names a server, and .* holds releases: `thongsuot migrate lake`"
    ):
        open_lake(remote)
    assert [(one.level, "migrate lake" in one.text) for one in check_lake(remote)] == [("fail", True)]
    migrate_lake(remote)
    with pytest.raises(FileNotFoundError, match="was moved to a server"):
        open_lake(local)
    assert [(one.level, "was moved" in one.text) for one in check_lake(local)] == [("fail", True)]


@pytest.mark.full
def test_a_store_that_no_authority_vouches_for_gets_no_key(remote: Settings, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    assert remote.lake_servers
    with serve_bucket(tmp_path / "stores" / "province", 0, "--cert", certificate, "--key", key) as store:
        servers = remote.lake_servers._replace(endpoint=store.endpoint.replace("http:", "https:"))
        with (
            pytest.raises(LakeUnreachable, match="SSL"),
            open_lake(replace(remote, lake_servers=servers), read_only=False),
        ):
            pass
    assert not list(store.folder.iterdir())


def write_certificate(folder: Path) -> tuple[str, str]:
    """Paths of a certificate for 127.0.0.1 that only vouches for itself, and of its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2100, 1, 1))
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(paths[0]), str(paths[1])
