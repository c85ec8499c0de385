"""Measurements against what a user would pick instead, in pairs within one run."""
