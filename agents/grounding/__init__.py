"""What agents may rely on: the lead, and later its facts, scores, checks and policies."""
