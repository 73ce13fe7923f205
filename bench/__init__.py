"""Measurements against docs/benchmarks.md's budgets: `make bench`, or `python -m bench NAME ...`.

Each module measures one thing on the running machine and returns `Row`s; nothing here is a test.
CPU is compared with a peer in the same run, because machines are shared and noisy.
"""
