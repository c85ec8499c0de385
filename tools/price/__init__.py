"""What an update costs those who use the stack: from Pulumi's events, and as clients see it."""
