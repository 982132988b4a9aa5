-- Entries wait among the events of a large import: the sequencer finds them without reading those.
CREATE INDEX pending_audit_idx ON pending (id) WHERE kind = 'audit';
