"""The package's own description: Frictionless `datapackage.json`, DCAT in JSON-LD, a README.

Everything in it comes from the release and the contract: two exports of a release are equal byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipelines.exports.common import PublishedColumn, PublishedTable
from pipelines.exports.open_data.cells import Withheld
from pipelines.exports.open_data.dictionary import write_dictionary
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file
from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Contracts

DATAPACKAGE, DCAT, README, DICTIONARY = "datapackage.json", "catalog.jsonld", "README.md", "DICTIONARY.md"
LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
FIELD_TYPES = {
    "VARCHAR": "string", "BIGINT": "integer", "INTEGER": "integer", "SMALLINT": "integer",
    "HUGEINT": "integer", "DOUBLE": "number", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "datetime",
}  # fmt: skip
MEDIA = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def write(
    folder: Path,
    tables: list[PublishedTable],
    release: Release,
    contracts: Contracts,
    withheld: Mapping[str, Withheld],
    changes: str,
) -> None:
    """Describe the files that lie in `folder`; `withheld`: table → how much; `changes`: since the release before."""
    place = contracts.place.name
    title = {
        "vi": f"Dữ liệu mở về dịch vụ công trực tuyến, nhiệm vụ và vướng mắc: {place}",
        "en": f"Open data on online public services, tasks and difficulties: {place}",
    }
    _json(folder / DATAPACKAGE, _datapackage(folder, tables, release, title))
    _json(folder / DCAT, _dcat(folder, tables, release, title, place))
    demo = "\n**Synthetic demonstration data · dữ liệu giả lập.**\n" if contracts.is_demo else ""
    words = files("pipelines.exports.open_data") / "templates" / "open_data_readme.md"
    text = words.read_text(encoding="utf-8").format(
        title_vi=title["vi"], title_en=title["en"], release_id=release.release_id, as_of=release.as_of,
        licence=LICENCE["title"], demo=demo, timezone=contracts.place.timezone,
        withheld=_write_withheld(withheld), changes=changes,
    )  # fmt: skip
    (folder / DICTIONARY).write_text(write_dictionary(tables), encoding="utf-8")
    (folder / README).write_text(text, encoding="utf-8")


def _write_withheld(withheld: Mapping[str, Withheld]) -> str:
    """How much of each table that counts persons is left out, as a table."""
    lines = [
        "| table · bảng | counts withheld · số bị che | rows with a gap · dòng có số bị che |", "|---|---|---|",
        *(
            f"| `{name}` | {one.counts_withheld} / {one.counts} ({one.counts_withheld / one.counts:.1%}) | "
            f"{one.rows_withheld} / {one.rows} |"
            for name, one in sorted(withheld.items())
            if one.counts
        ),
    ]  # fmt: skip
    return "\n".join(lines)


def _datapackage(
    folder: Path, tables: list[PublishedTable], release: Release, title: dict[str, str]
) -> dict[str, Any]:
    return {
        "profile": "data-package",
        "name": "thongsuot-open-data",
        "id": release.release_hash,
        "version": str(release.release_id),
        "title": title["vi"],
        "description": title["en"],
        "created": release.published_at.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licenses": [LICENCE],
        "resources": [
            resource
            for table in tables
            for file in _files(folder, table.name)
            for resource in [_resource(table, file)]
        ],
    }


def _resource(table: PublishedTable, file: Path) -> dict[str, Any]:
    kind = file.suffix[1:]
    resource: dict[str, Any] = {
        "name": table.name.replace("_", "-") if kind == "csv" else f"{table.name.replace('_', '-')}-{kind}",
        "title": table.meta.get("title_vi", table.name),
        "description": table.description,
        "path": file.name,
        "format": kind,
        "mediatype": MEDIA[kind],
        "bytes": file.stat().st_size,
        "hash": f"sha256:{hash_file(file)}",
    }
    if kind == "csv":
        resource |= {
            "profile": "tabular-data-resource",
            "encoding": "utf-8-sig",
            "schema": {"fields": [_field(c) for c in table.columns], "primaryKey": list(table.key)},
        }
    return resource


def _field(column: PublishedColumn) -> dict[str, Any]:
    kind = FIELD_TYPES.get(column.type, "string")
    field: dict[str, Any] = {"name": column.name, "type": kind, "description": column.description}
    if kind == "datetime":
        field["format"] = "%Y-%m-%d %H:%M:%S"
    if kind == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    return field


def _dcat(
    folder: Path, tables: list[PublishedTable], release: Release, title: dict[str, str], place: str
) -> dict[str, Any]:
    issued = release.published_at.strftime("%Y-%m-%d")
    return {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/", "spdx": "http://spdx.org/rdf/terms#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@id": f"urn:thongsuot:release:{release.release_hash}",
        "@type": "dcat:Catalog",
        "dct:title": _both(title),
        "dct:description": _both(title),
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": place},
        "dct:license": {"@id": LICENCE["path"]},
        "dct:language": [{"@id": f"http://publications.europa.eu/resource/authority/language/{code}"}
                         for code in ("VIE", "ENG")],
        "dct:issued": {"@value": issued, "@type": "xsd:date"},
        "dcat:dataset": [
            {
                "@id": f"urn:thongsuot:release:{release.release_hash}:{table.name}",
                "@type": "dcat:Dataset",
                "dct:identifier": table.name,
                "dct:title": _both({"vi": table.meta.get("title_vi", table.name),
                                    "en": table.name.replace("_", " ").capitalize()}),
                "dct:description": _both({"vi": table.words.vi, "en": table.words.en}),
                "dct:publisher": {"@type": "foaf:Agent", "foaf:name": place},
                "dct:issued": {"@value": issued, "@type": "xsd:date"},
                "dct:temporal": {"@type": "dct:PeriodOfTime",
                                 "dcat:endDate": {"@value": release.as_of.replace(tzinfo=LOCAL_ZONE).isoformat(),
                                                  "@type": "xsd:dateTime"}},
                "dct:accrualPeriodicity": {
                    "@id": "http://publications.europa.eu/resource/authority/frequency/DAILY"},
                "dcat:distribution": [_distribution(file) for file in _files(folder, table.name)],
            }
            for table in tables
        ],
    }  # fmt: skip


def _distribution(file: Path) -> dict[str, Any]:
    return {
        "@type": "dcat:Distribution",
        "dct:title": file.name,
        "dcat:downloadURL": {"@id": file.name},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{MEDIA[file.suffix[1:]]}"},
        "dcat:byteSize": {"@value": str(file.stat().st_size), "@type": "xsd:nonNegativeInteger"},
        "dct:license": {"@id": LICENCE["path"]},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": hash_file(file),
        },
    }


def _both(words: dict[str, str]) -> list[dict[str, str]]:
    return [{"@value": text, "@language": language} for language, text in words.items() if text]


def _files(folder: Path, name: str) -> list[Path]:
    return [file for kind in MEDIA if (file := folder / f"{name}.{kind}").exists()]


def _json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
