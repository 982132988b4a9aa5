-- Which institutions a numbered entry of the audit concerns: by whose rights it was done, and about whom. Written with its number.
CREATE TABLE audit_place (
    org_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (org_id, seq)
) STRICT;
CREATE INDEX audit_place_seq_idx ON audit_place (seq);
-- What was numbered before.
INSERT INTO audit_place (org_id, seq)
    SELECT DISTINCT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        JOIN json_each(CASE WHEN json_type(e.actor, '$.rights') = 'array' THEN json_extract(e.actor, '$.rights') ELSE '[]' END) r
        JOIN institution o ON o.id = unhex(replace(json_extract(r.value, '$.institution'), '-', ''))
    UNION
    SELECT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        JOIN institution o ON o.id = unhex(replace(json_extract(e.target, '$.institution'), '-', ''))
    UNION
    SELECT o.id, l.seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id
        JOIN json_each(CASE WHEN json_type(e.details, '$.institutions') = 'array' THEN json_extract(e.details, '$.institutions') ELSE '[]' END) r
        JOIN institution o ON o.id = unhex(replace(r.value, '-', ''));
