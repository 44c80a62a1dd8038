"""The numbered SQL files of the schema; `hazina.db.migrate` applies them."""
