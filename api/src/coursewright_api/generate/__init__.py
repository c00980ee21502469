"""`/api/generate`: one service at a time, and how the services are."""
