"""Python imports this first of all, in every process that a test starts."""

import sys
from importlib import import_module

guard = import_module("socket_guard")
# A test process of pytest-xdist is such a child too, and is to see one guard, not two.
sys.modules["tests.guarded.socket_guard"] = guard
guard.install()
