"""Clock, ids, errors, tasks and the guard of our ports: the ground floor.

Standard library only, but for `guard` and `server`, which fit uvicorn.
"""
