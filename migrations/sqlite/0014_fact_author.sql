-- Who wrote what a person is verified by, so that nobody verifies her own words; and what an administrator's questions to services cost.
CREATE TABLE fact_author (             -- whoever recorded the name, birth date or number of somebody; the operator leaves no row
    person_id BLOB NOT NULL REFERENCES person (id),
    author_id BLOB NOT NULL REFERENCES person (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, author_id)
) STRICT;

CREATE TABLE verification_count (      -- questions to verification services have a daily budget for each administrator
    admin_id BLOB NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                -- Asia/Shanghai
    asked INTEGER NOT NULL,
    PRIMARY KEY (admin_id, day)
) STRICT;
