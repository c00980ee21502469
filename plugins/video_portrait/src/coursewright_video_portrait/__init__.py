"""A photo or drawing speaks: lips from phonemes, blinks and a slight sway, offline."""
