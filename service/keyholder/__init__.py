"""The key holder: the service that holds keys and never ciphertext, and that answers to another operator."""
