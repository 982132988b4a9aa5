-- The post that an administrator's grant rests on: it ends with it, and is nothing without it.
ALTER TABLE admin_grant ADD COLUMN staffing_id UUID REFERENCES staffing (id);
CREATE INDEX admin_grant_staffing_idx ON admin_grant (staffing_id);
