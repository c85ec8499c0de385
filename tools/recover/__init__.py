"""Repair a stack after a killed run: its lock, processes, leftovers and damaged state file."""
