"""Runs the cases of `make shell-pexpect`."""
import sys

sys.dont_write_bytecode = True

import harness
import cases  # noqa: F401  each import brings its cases
import attacks  # noqa: F401
import drivers  # noqa: F401
import terminals  # noqa: F401

harness.main()
