"""`hustings loadtest` and `hustings plan`: rehearse a crowd, judge what it met, size the house.

Pure: arrivals, scanning, player, person's patience, tally, judging, plots, reports, planning, simulation. Shell:
`crowd` (one process full of listeners), `workers` (several of them), `calibrating`.
"""
