"""Who answers a request, at what price, and what happens when they fail."""
