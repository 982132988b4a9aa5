-- The secret of before, good beside the one of now until a moment; and who answers for a client.
ALTER TABLE client ADD COLUMN old_secret_digest BYTEA;
ALTER TABLE client ADD COLUMN old_secret_sealed BYTEA;
ALTER TABLE client ADD COLUMN old_secret_until BIGINT;
ALTER TABLE client ADD COLUMN org_id UUID REFERENCES institution (id);  -- none: the operator alone
CREATE INDEX client_org_idx ON client (org_id) WHERE org_id IS NOT NULL;

CREATE TABLE client_fault (                      -- failed requests of a client, few of each kind, for some days
    id UUID PRIMARY KEY,                         -- in the order of time
    client_id UUID NOT NULL REFERENCES client (id),
    endpoint TEXT NOT NULL,
    kind TEXT NOT NULL,
    code TEXT,                                   -- what was answered; none where a page was shown
    said TEXT,                                   -- our sentence
    difference JSONB,                             -- of an address, without what could be somebody's data
    proven BOOLEAN NOT NULL, -- the client had proved who it is: no stranger sent it
    at BIGINT NOT NULL,
    request_id UUID NOT NULL,
    times BIGINT NOT NULL                       -- how many are told together
);
CREATE INDEX client_fault_client_idx ON client_fault (client_id, kind, proven, id);
CREATE INDEX client_fault_at_idx ON client_fault (at);
