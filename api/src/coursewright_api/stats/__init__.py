"""What a person has made here, and what it takes."""
