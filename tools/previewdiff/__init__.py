"""What a commit would change of a deployment, seen without an account or a shared state."""
