"""What web still has to tell the stage: kept in SQL, sent in order, retried until it is heard."""
