"""Install what a machine lacks: Docker engine, Pulumi, Python environment, base images.

Uses only the standard library, because it runs before anything else is installed.
"""
