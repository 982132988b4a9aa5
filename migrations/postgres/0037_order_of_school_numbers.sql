-- Lists are in the order of a school's own numbers: by their bytes, as on SQLite, and not as the language of the server has it.
ALTER TABLE enrolment ALTER COLUMN student_no TYPE TEXT COLLATE "C";
ALTER TABLE enrolment_slice ALTER COLUMN student_no TYPE TEXT COLLATE "C";
ALTER TABLE staffing ALTER COLUMN staff_no TYPE TEXT COLLATE "C";
