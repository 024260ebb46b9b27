"""Tables and figures of the papers: what they consist of, which runs they need, and what those runs say."""
