"""Answer the rows of a table, each once: a table in, a table out, resumed after any end."""
