"""The ways by which people and programs meet a version: a page, MCP, and OpenAI's protocol."""
