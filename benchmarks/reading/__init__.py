"""Reading of videos, beside other readers."""
