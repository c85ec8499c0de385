"""Faults that take longer than a test run should: `make test-faults`."""
