"""What the next hours will probably bring, from what the last days brought."""
