"""Create a workspace, run a smoke test in a workspace, and tear resources down. Imports endpoint."""
