"""`python -m slopes` is the command `slopes`."""

import sys

from slopes.cli import main

sys.exit(main())
