"""Faults that take longer than a test run should"""
