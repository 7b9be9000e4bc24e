"""The adapter for every server that speaks OpenAI's protocol: chat, embeddings and images."""
