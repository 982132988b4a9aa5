-- Clients whose registration stands in a document at an address of their own, which is their client_id.
ALTER TABLE client ADD COLUMN document_url TEXT;
ALTER TABLE client ADD COLUMN document_until BIGINT;          -- what was read there last is believed until then
CREATE UNIQUE INDEX client_document_url_key ON client (document_url);
CREATE INDEX client_document_age_idx ON client (created_at) WHERE document_url IS NOT NULL;
