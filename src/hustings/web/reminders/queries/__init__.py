"""SQL of reminders, by what it is about; called inside a transaction of `store.Database`."""
