"""Data sets: where they come from, what is wrong with them, how they are divided and normalised."""
