"""All that knows SQL: the database, its migrations, and a module for each group of tables."""
