"""Where what was learnt from people lies, and what became of their requests.

inside (the files of a run) and outside (raw files, caches, other runs, exports, tables) -> held (whether a place has the
rows of a request) -> written. register: requests received, due, carried out.
"""
