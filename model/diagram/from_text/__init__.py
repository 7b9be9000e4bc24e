"""Make a graph from a prompt and passages. Imports text_analysis, fonts and the graph."""
