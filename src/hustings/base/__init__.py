"""Clock, ids, errors and tasks: the ground floor, standard library only."""
