"""What may be written down: states, objects, logs and traces without secrets."""
