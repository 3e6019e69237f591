"""How to talk to a deployment, never longer than allowed."""
