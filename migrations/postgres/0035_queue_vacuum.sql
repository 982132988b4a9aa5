-- Rows of the queue live for a moment. What is left of them stands before every look at its head, so it is cleared away after
-- so many rows and not after a fifth of a table that may hold millions for an hour.
ALTER TABLE pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
