"""What an evening is made of besides its sound: the running order, and how long each has spoken."""
