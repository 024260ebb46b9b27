"""Models that can forget: training data in shards, one model per shard, an aggregation of their vectors.

Forgetting rows trains the shards that held them and the aggregation again, and gives, byte for byte,
what training from scratch on the remaining rows would give, with the same seed and the same assignment
of these rows to shards. That holds because a shard sees its own rows and a seed of its own, and
nothing else; epochs are fixed.

partition, balanced (which row lies in which shard) -> restrict (a shard as a data set of its own) -> unit
(training into a folder) -> generation (all shards, aggregation, result) -> generations, state, ledger (the current
state) -> forget_file, matching, requests, intake, forget (the next one) -> verify (own_files, second_reader,
trained_again), audit.
"""
