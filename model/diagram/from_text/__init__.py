"""Make a diagram's graph of a prompt and of passages. Imports text_analysis and the graph."""
