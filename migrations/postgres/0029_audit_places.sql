-- Which institutions a numbered entry of the audit concerns: by whose rights it was done, and about whom. Written with its number.
CREATE TABLE audit_place (
    org_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX audit_place_seq_idx ON audit_place (seq);
-- What was numbered before.
INSERT INTO audit_place (org_id, seq)
    SELECT DISTINCT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(e.actor -> 'rights') = 'array' THEN e.actor -> 'rights' ELSE '[]'::jsonb END) r
        JOIN institution o ON CAST(o.id AS TEXT) = r ->> 'institution'
    UNION
    SELECT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        JOIN institution o ON CAST(o.id AS TEXT) = e.target ->> 'institution'
    UNION
    SELECT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(e.details -> 'institutions') = 'array' THEN e.details -> 'institutions' ELSE '[]'::jsonb END) r
        JOIN institution o ON CAST(o.id AS TEXT) = r;
