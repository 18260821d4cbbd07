"""Lists of labelled videos from other people, in the formats in which they are written."""
