"""Lint nginx's configuration, check packages for advisories, and write SBOMs."""
