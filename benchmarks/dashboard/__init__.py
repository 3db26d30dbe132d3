"""How long the pages of the admin take over a million jobs, and what they ask of the broker."""
