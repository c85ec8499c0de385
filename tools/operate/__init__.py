"""What a developer needs every day: status, logs, the page, a shell, a new service."""
