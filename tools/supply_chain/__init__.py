"""What is in the images and what is known against it; nothing that is deployed imports it."""
