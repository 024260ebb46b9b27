"""One training by several workers, on one machine or many: each has some of the users, all of them have the items."""
