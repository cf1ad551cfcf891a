"""Valid files of every format that paribus reads, spoilt in a thousand ways: only clean errors may come of it.

`scripts/fuzz` runs it at length, `tests/test_fuzz.py` for a few seconds. Input number i of a seed is always the same.
"""
