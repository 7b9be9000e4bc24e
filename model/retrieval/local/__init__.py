"""Search in an index that the version holds: vectors, words and letters. Imports passages and text_analysis."""
