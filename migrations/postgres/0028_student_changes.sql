-- 学籍异动 (XJYDLB of JY/T 1001): by which change a stay became what it is, or was, and by which it ended.
ALTER TABLE enrolment ADD COLUMN began_by TEXT;        -- what the row says now; none: it began so, or nobody said why
ALTER TABLE enrolment ADD COLUMN ended_by TEXT;        -- none: it stands, or graduated 毕业, which is no change of this table
ALTER TABLE enrolment_slice ADD COLUMN began_by TEXT;
