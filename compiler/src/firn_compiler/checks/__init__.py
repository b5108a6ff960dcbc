"""Checks look and report, and change nothing."""
