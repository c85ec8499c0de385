"""The stack on the nodes of a Docker swarm."""
