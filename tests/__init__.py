"""The tests; each folder tests the folder of the package that has its name.

Where PYTHONDONTWRITEBYTECODE is set, each worker and each process of a test would compile everything again, which takes
longer than the quick tier: their bytecode goes into pytest's cache folder instead, and none into the checkout.
"""

import os
import sys
from pathlib import Path

if sys.dont_write_bytecode and "PYTHONPYCACHEPREFIX" not in os.environ:
    prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
