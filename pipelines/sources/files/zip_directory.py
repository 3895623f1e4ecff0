"""A ZIP archive's directory, checked before one of its members is opened. Standard library only: the
process that reads workbooks imports it too.
"""

from __future__ import annotations

import zipfile

RATIO_FROM = 64 * 2**20


def check_directory(archive: zipfile.ZipFile, *, members: int, unpacked_mb: int, ratio: int) -> None:
    """Number, names, sizes and ratio of the members; ValueError where the archive is hostile."""
    entries = archive.infolist()
    if len(entries) > members:
        raise ValueError(f"the archive holds {len(entries)} members, more than `limits.members` allows")
    names: set[str] = set()
    for entry in entries:
        name = repr(entry.filename[:80])
        parts = entry.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise ValueError(f"member {name} points outside the archive: hostile")
        if entry.filename in names:
            raise ValueError(f"member {name} stands there twice: hostile or damaged")
        if entry.flag_bits & 1:
            raise ValueError(f"member {name} is protected by a password; ask for it without")
        names.add(entry.filename)
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if unpacked > unpacked_mb << 20:
        raise ValueError(f"it unpacks to {unpacked >> 20} MiB, more than the {unpacked_mb} MiB allowed")
    if unpacked > RATIO_FROM and unpacked > packed * ratio:
        raise ValueError(
            f"it unpacks to {unpacked // packed} times its size, more than `limits.ratio` allows: a bomb"
        )
