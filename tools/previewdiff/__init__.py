"""What a commit would change in a deployment, without an account or a shared state."""
