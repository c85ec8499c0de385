"""The developer's day: what runs, what it says, and a service more."""
