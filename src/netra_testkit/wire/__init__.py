"""What is said on the wire; every module is a pure function of its input."""
