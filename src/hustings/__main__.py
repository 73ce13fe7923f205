"""`python -m hustings`: the same as the `hustings` command."""

import sys

from hustings.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
