"""Search in an index that Databricks AI Search holds. Imports transport."""
