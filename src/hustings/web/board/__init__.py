"""The operator's board: how stage, edges and rooms are doing now, for the hosts of this house."""
