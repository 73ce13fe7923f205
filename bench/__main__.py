"""`python -m bench [NAME ...]`: run all (or the named) measurements and print the table.

Exit 0 when every figure is within its budget, 1 when one is not, 2 for an unknown name.
"""

import importlib
import sys

from bench.report import Row, machine, table

NAMES = (
    *("audio", "speakers", "fanout", "peers", "tls", "caches", "door"),
    *("home", "loss", "ears", "record", "reconnect", "storm", "evening"),
)
LONG = ("soak", "reminders")  # half an hour each: by name only


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in (*NAMES, *LONG)]
    if unknown:
        print(f"There is no measurement {unknown[0]}; choose of {', '.join((*NAMES, *LONG))}.")
        return 2
    rows: list[Row] = []
    for name in names or NAMES:
        print(f"… {name}", file=sys.stderr, flush=True)
        before = machine()
        rows += importlib.import_module(f"bench.{name}").measure()
        print(f"  {before}", file=sys.stderr, flush=True)
    print(f"\n{machine()}\n\n{table(rows)}")
    return 1 if any(row.within is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
