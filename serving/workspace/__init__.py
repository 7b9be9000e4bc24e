"""The workspace around an endpoint: create, rehearse, tear down. Imports endpoint."""
