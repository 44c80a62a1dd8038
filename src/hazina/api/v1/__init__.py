"""The routes of /v1, one file per kind of object."""
