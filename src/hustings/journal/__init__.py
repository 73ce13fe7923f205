"""One append-only, hash-chained, signed log per room."""
