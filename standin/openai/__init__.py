"""OpenAI's API: chat, embeddings, images and models."""
