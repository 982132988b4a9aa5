-- The whole register, its sessions and its books. One file per engine with the same number and the
-- same tables and columns (a test compares them). Landed migrations are never edited: expand, then contract.
-- Times are BIGINT microseconds UTC, calendar dates TEXT in ISO 8601, enumerations TEXT with a CHECK.

-- ── Root secrets, keys, small facts ────────────────────────────────────────────────────────────
CREATE TABLE root_secret (            -- fingerprints only: one first start wins (R2)
    name TEXT PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE change_stamp (           -- caches compare it at most every 2 s (R15)
    name TEXT PRIMARY KEY,
    stamp BIGINT NOT NULL
);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    alg TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    public_jwk JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retires_at BIGINT
);
CREATE UNIQUE INDEX signing_key_alg_key ON signing_key (alg) WHERE state = 'active';

-- ── Persons ────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE space (                  -- 个人空间; person.space_id makes it exactly one each
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('personal', 'class', 'school', 'region', 'institution')),
    url TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'merged', 'closed')),
    merged_into UUID REFERENCES space (id),
    created_at BIGINT NOT NULL
);

CREATE TABLE platform (               -- 平台: a node of the system that people call home
    id UUID PRIMARY KEY,
    sys_code TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('nation', 'province', 'city', 'county', 'school')),
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX platform_sys_code_key ON platform (sys_code);

CREATE TABLE person (
    id UUID PRIMARY KEY,
    space_id UUID NOT NULL REFERENCES space (id),
    name TEXT,
    name_key TEXT COLLATE "C",
    sex TEXT NOT NULL CHECK (sex IN ('0', '1', '2', '9')),
    birth_date TEXT,
    nationality TEXT,
    status TEXT NOT NULL CHECK (status IN ('inactive', 'active', 'cancelled', 'locked', 'admin_locked', 'merged', 'deceased')),
    realname_level BIGINT NOT NULL CHECK (realname_level BETWEEN 0 AND 4),
    realname_at BIGINT,
    salt BYTEA,
    home_platform_id UUID REFERENCES platform (id),
    merged_into UUID REFERENCES person (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX person_space_id_key ON person (space_id);

CREATE TABLE verification (           -- who verified which claims, how, when, at which level
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    method TEXT NOT NULL,
    trust_framework TEXT NOT NULL,
    level BIGINT NOT NULL CHECK (level BETWEEN 0 AND 4),
    verifier TEXT NOT NULL,
    claims JSONB NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('pending', 'confirmed', 'refused')),
    evidence_sealed BYTEA,
    txn TEXT,
    verified_at BIGINT NOT NULL
);
CREATE INDEX verification_person_idx ON verification (person_id);

CREATE TABLE identity_document (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    class TEXT NOT NULL,
    country TEXT NOT NULL,            -- ISO 3166-1 alpha-3, '' where the class has one issuer
    label TEXT NOT NULL,              -- what the paper was called, JY/T table D + X
    number_sealed BYTEA,
    number_index BYTEA NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'superseded', 'withdrawn', 'erased')),
    valid_from TEXT,
    valid_to TEXT,
    verification_id UUID REFERENCES verification (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
-- 用户实名唯一 (R10): superseded numbers stay taken, a withdrawn one is free for its true holder.
CREATE UNIQUE INDEX identity_document_class_country_number_index_key
    ON identity_document (class, country, number_index) WHERE status IN ('active', 'superseded');
CREATE INDEX identity_document_person_idx ON identity_document (person_id);

CREATE TABLE personal_code (          -- 学籍号 / 个人标识码, L → J → G
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    kind TEXT NOT NULL CHECK (kind IN ('G', 'J', 'L')),
    code_sealed BYTEA,
    code_index BYTEA NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'superseded', 'withdrawn', 'erased')),
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX personal_code_code_index_key ON personal_code (code_index) WHERE status IN ('active', 'superseded');
CREATE INDEX personal_code_person_idx ON personal_code (person_id);

CREATE TABLE contact (                -- phone or e-mail: a way to reach somebody, never a login by itself (R9)
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'email')),
    value_sealed BYTEA,
    value_index BYTEA NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('roster', 'self', 'admin')),
    confirmed_at BIGINT,
    ended_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX contact_person_id_kind_value_index_key ON contact (person_id, kind, value_index) WHERE ended_at IS NULL;
CREATE INDEX contact_value_idx ON contact (kind, value_index);

CREATE TABLE profile (                -- standard claims a person gave herself (前台自愿); sealed
    person_id UUID PRIMARY KEY REFERENCES person (id),
    claims_sealed BYTEA NOT NULL,
    updated_at BIGINT NOT NULL
);

-- ── Institutions and classes ───────────────────────────────────────────────────────────────────
CREATE TABLE institution (
    id UUID PRIMARY KEY,
    parent_id UUID REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('authority', 'edtech_centre', 'school', 'campus', 'teaching_point', 'department', 'enterprise', 'studio', 'platform_operator')),
    level TEXT NOT NULL CHECK (level IN ('nation', 'province', 'city', 'county', 'school', 'campus')),
    name TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    division TEXT NOT NULL,
    school_type TEXT,
    status TEXT NOT NULL CHECK (status IN ('inactive', 'active', 'abolished', 'locked', 'merged')),
    merged_into UUID REFERENCES institution (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX institution_parent_idx ON institution (parent_id);

CREATE TABLE institution_closure (    -- every (ancestor, descendant) pair, itself included: scope in one join
    ancestor_id UUID NOT NULL REFERENCES institution (id),
    descendant_id UUID NOT NULL REFERENCES institution (id),
    depth BIGINT NOT NULL,
    PRIMARY KEY (ancestor_id, descendant_id)
);
CREATE INDEX institution_closure_descendant_idx ON institution_closure (descendant_id);

CREATE TABLE institution_code (       -- time-sliced: the code changes with the school's category (2.7)
    id UUID PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES institution (id),
    scheme TEXT NOT NULL CHECK (scheme IN ('school_code', 'uscc', 'local')),
    value TEXT COLLATE "C" NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT
);
CREATE UNIQUE INDEX institution_code_scheme_value_key ON institution_code (scheme, value) WHERE valid_to IS NULL AND scheme <> 'uscc';
CREATE INDEX institution_code_value_idx ON institution_code (scheme, value);
CREATE INDEX institution_code_org_idx ON institution_code (org_id);

CREATE TABLE class (
    id UUID PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('administrative', 'teaching', 'network')),
    stage TEXT NOT NULL,
    entry_year BIGINT NOT NULL,
    class_no TEXT NOT NULL,
    name TEXT NOT NULL,
    schooling_years BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'graduated', 'closed')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX class_org_id_kind_stage_entry_year_class_no_key ON class (org_id, kind, stage, entry_year, class_no);

-- ── Relations over time ────────────────────────────────────────────────────────────────────────
CREATE TABLE enrolment (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    org_id UUID NOT NULL REFERENCES institution (id),
    class_id UUID REFERENCES class (id),
    student_no TEXT,
    category TEXT,
    state TEXT NOT NULL,              -- XSDQZT
    source TEXT NOT NULL CHECK (source IN ('normal', 'borrowed', 'other')),
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
-- One current 学籍 for each student, whoever imports.
CREATE UNIQUE INDEX enrolment_person_id_key ON enrolment (person_id) WHERE valid_to IS NULL AND source = 'normal';
CREATE UNIQUE INDEX enrolment_person_id_org_id_key ON enrolment (person_id, org_id) WHERE valid_to IS NULL;
CREATE INDEX enrolment_person_idx ON enrolment (person_id);
CREATE INDEX enrolment_org_idx ON enrolment (org_id);
CREATE INDEX enrolment_class_idx ON enrolment (class_id);

CREATE TABLE staffing (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    org_id UUID NOT NULL REFERENCES institution (id),
    category TEXT NOT NULL,           -- 教职工类别
    post TEXT NOT NULL,               -- GWZY
    staff_no TEXT,
    state TEXT NOT NULL,              -- JZGDQZT
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX staffing_person_id_org_id_key ON staffing (person_id, org_id) WHERE valid_to IS NULL;
CREATE INDEX staffing_person_idx ON staffing (person_id);
CREATE INDEX staffing_org_idx ON staffing (org_id);

CREATE TABLE teaching (
    id UUID PRIMARY KEY,
    staffing_id UUID NOT NULL REFERENCES staffing (id),
    class_id UUID NOT NULL REFERENCES class (id),
    subject TEXT NOT NULL,            -- ZXXKC with extensions; '' for a head teacher without a subject
    head_teacher BOOLEAN NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT
);
CREATE UNIQUE INDEX teaching_staffing_id_class_id_subject_key ON teaching (staffing_id, class_id, subject) WHERE valid_to IS NULL;
CREATE INDEX teaching_staffing_idx ON teaching (staffing_id);
CREATE INDEX teaching_class_idx ON teaching (class_id);

CREATE TABLE guardianship (
    id UUID PRIMARY KEY,
    child_id UUID NOT NULL REFERENCES person (id),
    guardian_id UUID NOT NULL REFERENCES person (id),
    relation TEXT NOT NULL,           -- JTGX + G1
    legal BOOLEAN NOT NULL,
    rank BIGINT NOT NULL,             -- 1 first, 2 second guardian
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'ended')),
    verified_by TEXT CHECK (verified_by IN ('school', 'xueji', 'document', 'other_guardian')),
    recorded_org_id UUID REFERENCES institution (id),
    restrictions JSONB NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CHECK (child_id <> guardian_id)
);
CREATE UNIQUE INDEX guardianship_child_id_guardian_id_key ON guardianship (child_id, guardian_id) WHERE status IN ('pending', 'confirmed');
CREATE INDEX guardianship_child_idx ON guardianship (child_id);
CREATE INDEX guardianship_guardian_idx ON guardianship (guardian_id);

CREATE TABLE presence (               -- name search: one row per name and institution up to the county (R6)
    org_id UUID NOT NULL REFERENCES institution (id),
    name_key TEXT COLLATE "C" NOT NULL,
    person_id UUID NOT NULL REFERENCES person (id),
    PRIMARY KEY (org_id, name_key, person_id)
);
CREATE INDEX presence_person_idx ON presence (person_id);

CREATE TABLE admin_grant (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    role TEXT NOT NULL,               -- table A
    org_id UUID NOT NULL REFERENCES institution (id),
    granted_by UUID REFERENCES person (id),
    may_delegate BOOLEAN NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX admin_grant_person_id_role_org_id_key ON admin_grant (person_id, role, org_id) WHERE revoked_at IS NULL;

-- ── Accounts and sign-in ───────────────────────────────────────────────────────────────────────
CREATE TABLE account (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    user_name TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('inactive', 'active', 'cancelled', 'locked', 'admin_locked', 'merged', 'deceased')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_user_name_key ON account (user_name);
CREATE UNIQUE INDEX account_person_id_key ON account (person_id);

CREATE TABLE login_alias (            -- R9: confirmed phone or e-mail, 学籍号; blind index only
    id UUID PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'email', 'personal_code')),
    value_index BYTEA NOT NULL,
    confirmed_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX login_alias_kind_value_index_key ON login_alias (kind, value_index) WHERE ended_at IS NULL;
CREATE INDEX login_alias_account_idx ON login_alias (account_id);

CREATE TABLE password_credential (
    account_id UUID PRIMARY KEY REFERENCES account (id),
    phc TEXT NOT NULL,
    set_at BIGINT NOT NULL
);

CREATE TABLE activation (             -- one-time; GET shows, POST consumes (R12)
    id UUID PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES account (id),
    code_digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE UNIQUE INDEX activation_code_digest_key ON activation (code_digest);
CREATE INDEX activation_account_idx ON activation (account_id);

CREATE TABLE session (
    id UUID PRIMARY KEY,
    secret_digest BYTEA NOT NULL,
    account_id UUID NOT NULL REFERENCES account (id),
    person_id UUID NOT NULL REFERENCES person (id),
    auth_time BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr JSONB NOT NULL,
    own_device BOOLEAN NOT NULL,
    identity_id UUID,                 -- the last choice, default of the next grant (R16)
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE UNIQUE INDEX session_secret_digest_key ON session (secret_digest);
CREATE INDEX session_person_idx ON session (person_id);

CREATE TABLE sign_in (                -- who passed which factor; finished by one guarded UPDATE (R3)
    id UUID PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES account (id),
    person_id UUID NOT NULL REFERENCES person (id),
    amr JSONB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT,
    session_id UUID REFERENCES session (id)
);

-- ── Relying parties, grants, consent ───────────────────────────────────────────────────────────
CREATE TABLE client (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('platform', 'application')),
    name TEXT NOT NULL,
    metadata JSONB NOT NULL,           -- RFC 7591 client metadata as registered
    sector TEXT NOT NULL,             -- host of the sector identifier; 'system' for platforms of the system
    secret_digest BYTEA,
    secret_sealed BYTEA,
    lawful_basis TEXT CHECK (lawful_basis IN ('statutory')),
    require_pkce BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'removed')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CHECK (lawful_basis IS NULL OR kind = 'platform')
);

CREATE TABLE subject (                -- sub per (person, sector), stored at first use (R13)
    person_id UUID NOT NULL REFERENCES person (id),
    sector TEXT NOT NULL,
    sub TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, sector)
);
CREATE UNIQUE INDEX subject_sector_sub_key ON subject (sector, sub);

CREATE TABLE consent (                -- receipts (R8); withdrawn, never deleted
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    given_by UUID NOT NULL REFERENCES person (id),
    client_id UUID NOT NULL REFERENCES client (id),
    claims JSONB NOT NULL,
    purpose TEXT NOT NULL,
    notice_version TEXT NOT NULL,
    age_band TEXT NOT NULL CHECK (age_band IN ('under14', '14to17', 'adult')),
    given_at BIGINT NOT NULL,
    withdrawn_at BIGINT
);
CREATE INDEX consent_person_client_idx ON consent (person_id, client_id);

CREATE TABLE session_client (         -- who must hear of a sign-out; sid is random per pair (R13)
    session_id UUID NOT NULL REFERENCES session (id),
    client_id UUID NOT NULL REFERENCES client (id),
    sid TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE UNIQUE INDEX session_client_sid_key ON session_client (sid);

-- A replay that arrives before the first redemption committed leaves a revoked row without a holder (R3),
-- so that the redemption's insert fails.
CREATE TABLE oidc_grant (
    id UUID PRIMARY KEY,
    client_id UUID REFERENCES client (id),
    person_id UUID REFERENCES person (id),
    session_id UUID REFERENCES session (id),
    identity_id UUID,
    sub TEXT,
    sid TEXT,
    scope TEXT,
    claims JSONB,
    auth_time BIGINT,
    acr TEXT,
    amr JSONB,
    offline BOOLEAN,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoke_reason TEXT,
    CHECK (revoked_at IS NOT NULL OR (client_id IS NOT NULL AND person_id IS NOT NULL AND session_id IS NOT NULL AND sub IS NOT NULL AND sid IS NOT NULL
        AND scope IS NOT NULL AND auth_time IS NOT NULL AND acr IS NOT NULL AND amr IS NOT NULL AND offline IS NOT NULL))
);
CREATE INDEX oidc_grant_session_idx ON oidc_grant (session_id);
CREATE INDEX oidc_grant_person_idx ON oidc_grant (person_id, client_id);

CREATE TABLE refresh_family (         -- only the family is stored; a token is family.counter.MAC (R11)
    id UUID PRIMARY KEY,
    grant_id UUID NOT NULL REFERENCES oidc_grant (id),
    counter BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX refresh_family_grant_id_key ON refresh_family (grant_id);

CREATE TABLE logout_delivery (        -- back-channel logout tokens that wait for their receiver
    id UUID PRIMARY KEY,
    client_id UUID NOT NULL REFERENCES client (id),
    uri TEXT NOT NULL,
    sub TEXT NOT NULL,
    sid TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    done_at BIGINT,
    failed_at BIGINT
);
CREATE INDEX logout_delivery_due_idx ON logout_delivery (next_at) WHERE done_at IS NULL AND failed_at IS NULL;

-- ── Books: audit, events, numbers after commit (R4) ────────────────────────────────────────────
CREATE TABLE audit_entry (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    actor JSONB NOT NULL,
    action TEXT NOT NULL,
    target JSONB NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('done', 'refused')),
    reason TEXT,
    request_id UUID NOT NULL,
    details JSONB NOT NULL
);

CREATE TABLE event (                  -- insert-only; names of fields, never values
    id UUID PRIMARY KEY,
    aggregate_kind TEXT NOT NULL,
    aggregate_id UUID NOT NULL,
    aggregate_version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    fields JSONB NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX event_aggregate_idx ON event (aggregate_id, aggregate_version);

CREATE TABLE pending (                -- committed, not yet numbered
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('audit', 'event'))
);

CREATE TABLE audit_link (             -- dense and chained; written by the sequencer alone
    seq BIGINT PRIMARY KEY,
    entry_id UUID NOT NULL REFERENCES audit_entry (id),
    hash BYTEA NOT NULL,
    linked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX audit_link_entry_id_key ON audit_link (entry_id);

CREATE TABLE feed (
    stream UUID NOT NULL,
    seq BIGINT NOT NULL,
    event_id UUID NOT NULL REFERENCES event (id),
    PRIMARY KEY (stream, seq)
);
CREATE UNIQUE INDEX feed_stream_event_id_key ON feed (stream, event_id);

CREATE TABLE audit_checkpoint (
    seq BIGINT PRIMARY KEY,
    count BIGINT NOT NULL,
    head BYTEA NOT NULL,
    at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);
