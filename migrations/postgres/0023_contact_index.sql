-- One index for what two did: a contact is unique for its person, and its holders are found by its value. A province has
-- millions of them. Ended ones are asked for by person only.
CREATE UNIQUE INDEX contact_kind_value_index_person_id_key ON contact (kind, value_index, person_id) WHERE ended_at IS NULL;
DROP INDEX contact_person_id_kind_value_index_key;
DROP INDEX contact_value_idx;
