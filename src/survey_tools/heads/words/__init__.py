"""Word lists that tasks are made of, one subject a file; written for this project."""
