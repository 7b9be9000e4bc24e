"""The provider without a key and a network: quoted answers, fitted or hashed embeddings, drawn diagrams."""
