"""The API of OpenAI: chat, embeddings, images and models."""
