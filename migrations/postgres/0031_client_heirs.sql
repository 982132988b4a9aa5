-- Institutions that answered for a client before and were merged into the one that does now: what people agreed to under them still counts.
ALTER TABLE client ADD COLUMN heir_of jsonb; -- JSON list of ids; none: nobody's
