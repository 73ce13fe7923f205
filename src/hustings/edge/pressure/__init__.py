"""How hard an edge works, and what it gives up before anybody loses sound."""
