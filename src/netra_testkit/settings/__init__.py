"""Where staging is, and with which credentials to come in."""
