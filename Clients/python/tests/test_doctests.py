"""The examples in docstrings, those that need no daemon."""

import doctest
import importlib

MODULES = ("wire", "payload", "daemon")


def load_tests(loader, tests, pattern):
    for name in MODULES:
        suite = doctest.DocTestSuite(importlib.import_module(f"millrace.{name}"))
        if not suite.countTestCases():
            raise AssertionError(f"millrace.{name} has no examples")
        tests.addTests(suite)
    return tests
