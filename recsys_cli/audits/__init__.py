"""Does a run still know pairs that it was to forget? Asked with reference models, from outside of the proof by bytes.

canaries (which pairs, and which others beside them) -> trainings (models with known membership, by the algorithm of the
run) -> attack (likelihood ratios, rates, intervals) -> verdict (of the run, of each person, and of the test itself).
"""
