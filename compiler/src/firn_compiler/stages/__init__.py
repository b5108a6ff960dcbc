"""Stages transform and cannot fail once the checks before them have passed. They touch no file, clock or network."""
