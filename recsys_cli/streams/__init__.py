"""Requests to forget as they come in, one after the other: what each way of serving them costs, and what is left of the
model.

asked (which requests) -> clock (when they arrive, which are carried out together, how long each waits) -> ways (exact:
the run itself, retraining; approximate.py: for contrast) -> points (scored at shares of the stream) -> measure (all of
it, resumable) -> table, stream_page.
"""
