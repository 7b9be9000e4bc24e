"""Ask and serve a version on this machine. Imports endpoint."""
