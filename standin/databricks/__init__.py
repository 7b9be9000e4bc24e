"""The APIs of Databricks: workspace, Unity Catalog, Model Serving, AI Search, jobs, files."""
