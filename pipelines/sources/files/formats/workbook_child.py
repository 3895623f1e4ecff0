"""Run as a process of its own: a workbook → its sheets' rows as JSON lines on standard output.

It limits itself before it imports or opens anything, so that no workbook can take more than it was granted.
argv[1]: {"path", "project", "sheets", "memory_mb", "seconds", "unpacked_mb", …}; without a path, the
workbook comes on standard input.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from typing import Any
from xml.etree import ElementTree


def write_line(content: Any) -> None:
    """One JSON message on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def limit_process(request: dict[str, Any]) -> None:
    """Memory and processor time as granted, no file and no core image; nothing lifts a limit again."""
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_mb"] << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"] + 1))
    # It writes no file, and leaves no image of its memory, which holds personal data.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(request: dict[str, Any]) -> None:
    """Writes {"done": true} last, or {"error": reason} where the workbook cannot be read."""
    limit_process(request)
    # Imported only under the limits.
    sys.path.insert(0, request["project"])
    from python_calamine import CalamineError, PasswordError

    from pipelines.sources.files.formats.workbook_sheets import WorkbookRefused, read_sheets

    try:
        for message in read_sheets(request):
            write_line(message)
    except WorkbookRefused as error:
        write_line({"error": str(error)})
    except MemoryError:
        write_line({"error": "memory"})
    except PasswordError:
        write_line({"error": "it is protected by a password; ask for it without"})
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, ValueError, OSError) as error:
        write_line({"error": f"no readable workbook ({str(error)[:200]})"})
    # A panic of the reader is no Exception; whatever it is, the parent is told that it was no lack of memory.
    except BaseException as error:
        write_line({"error": f"no readable workbook ({type(error).__name__})"})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    sys.stdout.flush()
