-- 工号 and the names of classes 班级名称 over time: the row says how it is, these how it was.
CREATE TABLE staffing_slice (
    staffing_id BLOB NOT NULL REFERENCES staffing (id),
    staff_no TEXT,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,            -- first day on which it was no longer so
    created_at INTEGER NOT NULL,
    PRIMARY KEY (staffing_id, valid_to)
) STRICT;
CREATE TABLE class_slice (
    class_id BLOB NOT NULL REFERENCES class (id),
    name TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (class_id, valid_to)
) STRICT;

-- Whoever has or had a number at a school is found by it.
CREATE INDEX staffing_org_staff_no_idx ON staffing (org_id, staff_no) WHERE staff_no IS NOT NULL AND valid_to IS NULL;
CREATE INDEX staffing_slice_staff_no_idx ON staffing_slice (staff_no) WHERE staff_no IS NOT NULL;
