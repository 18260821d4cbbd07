"""Statistical power of a plan, claim by claim."""
