-- What the operator left of the scopes of a client that keeps itself: its keeper registers no more.
ALTER TABLE client ADD COLUMN scope_cap TEXT; -- none: he took none away
