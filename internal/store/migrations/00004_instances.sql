-- Many instances of one operator on one database. Times of this file are microseconds of the Unix epoch by the database's own
-- clock, 0 for none. Rows and row locks are all that its statements need.

-- +goose Up

-- One row per process that has the store open for running, in place of the one row 'node': each settles its own commits.
DROP TABLE tenancy;
CREATE TABLE tenancy (
    holder  TEXT   NOT NULL PRIMARY KEY, -- a random name of one opened store
    process TEXT   NOT NULL, -- host and process of the holder, for people
    commits BIGINT NOT NULL, -- grows with each transaction of the holder
    expires BIGINT NOT NULL
);

CREATE TABLE instances (
    instance   TEXT    NOT NULL PRIMARY KEY,
    boot       BYTEA   NOT NULL CHECK (length(boot) = 16),
    generation TEXT    NOT NULL,
    renewals   BIGINT  NOT NULL,
    token      BYTEA   NOT NULL CHECK (length(token) = 16),
    urls       TEXT    NOT NULL, -- JSON array
    version    TEXT    NOT NULL,
    healthy    BOOLEAN NOT NULL,
    detail     TEXT    NOT NULL,
    standby    BOOLEAN NOT NULL,
    draining   BOOLEAN NOT NULL,
    ttl        BIGINT  NOT NULL, -- microseconds from a renewal to the lease's end
    opened     BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL,
    barred     BIGINT  NOT NULL, -- index of the last window that it stays out of
    reconciled TEXT    NOT NULL  -- the generation in which it compared its journal; empty if in none
);

-- A row is never deleted: epochs only grow.
CREATE TABLE owners (
    wallet BYTEA  NOT NULL PRIMARY KEY CHECK (length(wallet) = 20),
    owner  TEXT   NOT NULL, -- an instance; empty if nobody has the wallet
    boot   BYTEA  NOT NULL,
    epoch  BIGINT NOT NULL,
    since  BIGINT NOT NULL
);

-- What is said for a window stands in own_proposals.
CREATE TABLE claims (
    block    BIGINT NOT NULL,
    wallet   BYTEA  NOT NULL CHECK (length(wallet) = 20),
    instance TEXT   NOT NULL,
    boot     BYTEA  NOT NULL,
    epoch    BIGINT NOT NULL,
    claimed  BIGINT NOT NULL,
    PRIMARY KEY (block, wallet)
);

-- One row per unbroken history of the database, as far as it is known. The last one is the present one.
CREATE TABLE generations (
    number     BIGINT NOT NULL PRIMARY KEY, -- 1 of a new store
    generation TEXT   NOT NULL, -- a word that no other history has
    origin     TEXT   NOT NULL, -- what the database tells of its history; empty if it does not
    began      BIGINT NOT NULL, -- when the first member compared its journal; 0 until then
    horizon    BIGINT NOT NULL, -- coordination block up to which a window without a proposal is doubtful; 0 for none
    balanced   BIGINT NOT NULL  -- when wallets were last moved for balance
);

CREATE TABLE changes (
    topic   TEXT   NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO changes (topic, version) VALUES ('bans', 0);
INSERT INTO changes (topic, version) VALUES ('halts', 0);
INSERT INTO changes (topic, version) VALUES ('verdicts', 0);
INSERT INTO changes (topic, version) VALUES ('wishes', 0);
INSERT INTO changes (topic, version) VALUES ('faults', 0);
INSERT INTO changes (topic, version) VALUES ('windows', 0); -- who accounts for windows locks it

CREATE TABLE bans (
    subject TEXT   NOT NULL PRIMARY KEY, -- an operator's address or a peer ID
    reason  TEXT   NOT NULL,
    issuer  TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL -- 0 for as long as nobody lifts it
);

CREATE TABLE halts (
    wallet BYTEA  NOT NULL PRIMARY KEY CHECK (length(wallet) = 20),
    block  BIGINT NOT NULL,
    reason TEXT   NOT NULL,
    issuer TEXT   NOT NULL,
    since  BIGINT NOT NULL
);

CREATE TABLE verdicts (
    instance TEXT   NOT NULL,
    endpoint TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    began    BIGINT NOT NULL, -- by the instance's clock
    PRIMARY KEY (instance, endpoint)
);

CREATE TABLE wishes (
    instance TEXT   NOT NULL PRIMARY KEY,
    desire   TEXT   NOT NULL,
    since    BIGINT NOT NULL
);
