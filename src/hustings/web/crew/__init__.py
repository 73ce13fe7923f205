"""Who helps with one room: people of the house who may edit that room and no other."""
