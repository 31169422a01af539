"""How a ticket is got over HTTPS: generators of requests, and what the answers come to."""
