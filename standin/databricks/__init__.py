"""Databricks' APIs: workspace, Unity Catalog, Model Serving, AI Search, jobs, files."""
