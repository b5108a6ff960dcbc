"""What people and machines see of a run: listeners for its events. None of them can change or break it."""
