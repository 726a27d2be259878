"""What agents may rely on: a lead's facts and words, and what stands behind an answer."""
