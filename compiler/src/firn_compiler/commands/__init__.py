"""The compiler's commands, one file each: each translates its options, calls what does the work, and shows it."""
