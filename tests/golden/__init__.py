"""Rows of every published table of the demo, whole and at one hundredth: a change shows in the diff.

`python -m tests.golden whole DATA` (or `small`) writes what the newest release of that data directory holds.
"""
