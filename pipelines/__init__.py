"""A province's numbers, from its systems to a release: see docs/architecture.md."""

import os

# Before anything loads numpy: our matrices are small. Threads of its linear algebra only wait for each other, awake,
# and a machine with more of them would round in another way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
