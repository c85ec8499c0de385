"""Benchmarks, each paired with an alternative that is measured in the same run."""
