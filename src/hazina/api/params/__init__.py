"""What each route accepts: declared once, for validation and for the OpenAPI document alike."""
