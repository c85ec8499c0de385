"""What a killed run left behind: its lock, its processes, half-made things, a torn state file."""
