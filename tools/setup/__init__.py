"""What a bare machine lacks: engine, Pulumi, Python environment, base images.

It installs everything else, so it uses the standard library only.
"""
