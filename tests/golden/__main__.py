"""`python -m tests.golden whole|small DATA`."""

import sys
from pathlib import Path

from tests.golden.rows import count_rows, write_golden

write_golden(sys.argv[1], count_rows(Path(sys.argv[2])))
