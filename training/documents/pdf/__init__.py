"""Read the layout of PDFs: characters to lines, columns, tables and paragraphs. Imports pypdfium2 and model.blocks."""
