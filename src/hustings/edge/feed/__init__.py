"""The line to the stage, and to edges that feed on this one."""
