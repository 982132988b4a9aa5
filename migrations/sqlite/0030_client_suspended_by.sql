-- Whose decision it is that a client is out of use at the console; none: the operator's.
ALTER TABLE client ADD COLUMN suspended_by BLOB REFERENCES person (id);
ALTER TABLE client ADD COLUMN suspended_under BLOB REFERENCES institution (id); -- whoever runs it, or one above, may let the client back in
