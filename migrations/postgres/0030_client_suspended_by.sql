-- Whose decision it is that a client is out of use at the console; none: the operator's.
ALTER TABLE client ADD COLUMN suspended_by UUID REFERENCES person (id);
ALTER TABLE client ADD COLUMN suspended_under UUID REFERENCES institution (id); -- whoever runs it, or one above, may let the client back in
