-- One file serves SQLite and PostgreSQL: BIGINT, TEXT, BOOLEAN and BYTEA only (SQLite keeps a blob as it is in a column
-- declared BYTEA), no generated keys, no engine's own functions. Times are nanoseconds of the Unix epoch, 0 for none.
-- Every table of coordination begins its key with the window: retention deletes the oldest window first.

-- +goose Up
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE wallets (
    wallet        BYTEA   NOT NULL PRIMARY KEY CHECK (length(wallet) = 20),
    public_key    BYTEA   NOT NULL CHECK (length(public_key) = 65),
    roster        BYTEA   NOT NULL, -- the operators of seats 1, 2, ..., 20 bytes each
    archived      BOOLEAN NOT NULL,
    imported_time BIGINT  NOT NULL
);

CREATE TABLE windows (
    block       BIGINT NOT NULL PRIMARY KEY,
    opened_at   BIGINT NOT NULL,
    hash        BYTEA  NOT NULL,
    opened_time BIGINT NOT NULL
);

CREATE TABLE missed (
    first_block BIGINT NOT NULL,
    last_block  BIGINT NOT NULL CHECK (last_block >= first_block),
    reason      TEXT   NOT NULL,
    noted_at    BIGINT NOT NULL,
    PRIMARY KEY (first_block, last_block)
);

CREATE TABLE results (
    block         BIGINT  NOT NULL,
    wallet        BYTEA   NOT NULL CHECK (length(wallet) = 20),
    opened_at     BIGINT  NOT NULL,
    finished      BOOLEAN NOT NULL, -- false while the window is open; a finished row never changes
    reason        TEXT    NOT NULL,
    detail        TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    seed          BYTEA   NOT NULL,
    leader        BYTEA   NOT NULL,
    action        TEXT    NOT NULL, -- the agreed proposal's kind; empty if nothing was agreed
    proposal      BYTEA   NOT NULL, -- a coordination message that carries it; empty if nothing was agreed
    received_at   BIGINT  NOT NULL,
    recorded_time BIGINT  NOT NULL,
    PRIMARY KEY (block, wallet)
);
CREATE INDEX results_of_wallet ON results (wallet, block);
CREATE INDEX results_open ON results (block) WHERE NOT finished;

CREATE TABLE own_proposals (
    block    BIGINT NOT NULL,
    wallet   BYTEA  NOT NULL CHECK (length(wallet) = 20),
    payload  BYTEA  NOT NULL,
    envelope BYTEA  NOT NULL,
    sent_at  BIGINT NOT NULL,
    PRIMARY KEY (block, wallet)
);

CREATE TABLE statements (
    block         BIGINT NOT NULL,
    wallet        BYTEA  NOT NULL CHECK (length(wallet) = 20),
    author        BYTEA  NOT NULL CHECK (length(author) = 20),
    digest        BYTEA  NOT NULL CHECK (length(digest) = 32),
    position      BIGINT NOT NULL, -- order of arrival within wallet and window
    seat          BIGINT NOT NULL,
    payload       BYTEA  NOT NULL,
    signed        BYTEA  NOT NULL,
    arrived_at    BIGINT NOT NULL,
    received_time BIGINT NOT NULL,
    PRIMARY KEY (block, wallet, author, digest)
);

CREATE TABLE faults (
    id            TEXT    NOT NULL PRIMARY KEY,
    block         BIGINT  NOT NULL,
    wallet        BYTEA   NOT NULL CHECK (length(wallet) = 20),
    kind          TEXT    NOT NULL,
    culprit       BYTEA   NOT NULL CHECK (length(culprit) = 20),
    attributed    BOOLEAN NOT NULL,
    late          BOOLEAN NOT NULL,
    detail        TEXT    NOT NULL,
    observer      TEXT    NOT NULL, -- JSON of faults.Observer
    observed_at   BIGINT  NOT NULL,
    recorded_time BIGINT  NOT NULL,
    UNIQUE (block, wallet, culprit, kind)
);
CREATE INDEX faults_of_culprit ON faults (culprit, block);

CREATE TABLE evidence (
    fault    TEXT   NOT NULL REFERENCES faults (id) ON DELETE CASCADE,
    position BIGINT NOT NULL CHECK (position IN (1, 2)),
    signed   BYTEA  NOT NULL,
    PRIMARY KEY (fault, position)
);

CREATE TABLE actions (
    block        BIGINT  NOT NULL,
    wallet       BYTEA   NOT NULL CHECK (length(wallet) = 20),
    action       TEXT    NOT NULL,
    proposal     BYTEA   NOT NULL,
    start_block  BIGINT  NOT NULL,
    expiry_block BIGINT  NOT NULL,
    started_at   BIGINT  NOT NULL, -- height; 0 before it started
    finished     BOOLEAN NOT NULL,
    outcome      TEXT    NOT NULL, -- empty until it is finished
    detail       TEXT    NOT NULL,
    finished_at  BIGINT  NOT NULL, -- height; 0 until it is finished
    revoked      BOOLEAN NOT NULL,
    PRIMARY KEY (block, wallet)
);
CREATE INDEX actions_pending ON actions (block) WHERE NOT finished;
