"""Gets tickets over HTTPS: generators of requests, and the interpretation of their answers."""
