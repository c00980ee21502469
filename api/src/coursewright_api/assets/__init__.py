"""What people upload, and what jobs make for them."""
