"""Serve a version at a Databricks Model Serving endpoint. Imports errors alone."""
