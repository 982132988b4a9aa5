-- A death that is taken back gives back what was, and neither a post nor a stay of one day keeps that elsewhere.
ALTER TABLE enrolment ADD COLUMN state_before_death TEXT;
ALTER TABLE staffing ADD COLUMN state_before_death TEXT;
-- What can be told of deaths that were recorded before, as it was told until now.
UPDATE enrolment SET state_before_death = (SELECT MAX(s.state) FROM enrolment_slice s WHERE s.enrolment_id = enrolment.id AND s.valid_to = enrolment.valid_to)
WHERE state = '11' AND valid_to IS NOT NULL;
-- A class that another turn opened is found by itself.
CREATE INDEX school_year_turn_row_unopened_idx ON school_year_turn_row (row_id) WHERE place = 'class' AND before = 'unopened';
