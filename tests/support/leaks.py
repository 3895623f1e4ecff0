"""Where in a folder a planted text came to rest."""

from __future__ import annotations

from pathlib import Path


def list_leaks(folder: Path, *secrets: str) -> list[str]:
    """Files below the folder that hold one of the texts, as bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(p) for p in files if any(secret.encode() in p.read_bytes() for secret in secrets)]
