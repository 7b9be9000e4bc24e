"""Ask and deploy a version of the model, on this machine and on Databricks. Imports neither model nor training."""
