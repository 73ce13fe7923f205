"""Runs one stage, N edges and one web as processes; restarts what dies or freezes."""
