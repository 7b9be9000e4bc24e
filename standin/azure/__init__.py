"""Azure Resource Manager's API."""
