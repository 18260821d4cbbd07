"""Tables, claims, figures and pages from records."""
