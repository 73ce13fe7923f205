"""Runs one stage, N edges and one web as processes; restarts what dies or freezes.

plan (pure: which children, with what) · health (pure: dead, frozen, how long to wait) · preflight
(what would go wrong, said before it does) · keeper (one child) · supervisor (all of them) · demo
· checkup, certificates, findings (what `doctor` says).
"""
