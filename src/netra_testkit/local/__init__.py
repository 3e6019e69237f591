"""An embedded staging on loopback: a real server, real tokens, faults on demand."""
