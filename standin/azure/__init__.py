"""The API of Azure Resource Manager."""
