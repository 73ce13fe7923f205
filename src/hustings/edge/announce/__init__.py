"""How evenings are made known elsewhere: calendars, podcast players, cards and frames of other sites."""
