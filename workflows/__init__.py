"""The workflows: deterministic, one a file, no I/O."""
