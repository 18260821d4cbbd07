"""Tables, claims, figures and pages, made from records."""
