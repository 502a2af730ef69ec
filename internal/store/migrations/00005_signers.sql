-- Signer backends, key generations and signatures. Nothing of an earlier version is changed.

-- +goose Up

-- What the operator said about a backend, and who it was when it was first seen. A row is never deleted.
CREATE TABLE backends (
    backend  TEXT   NOT NULL PRIMARY KEY, -- its id in the configuration
    identity TEXT   NOT NULL, -- its backend_id, empty until it was seen
    state    TEXT   NOT NULL, -- active, retired or failed; empty: as the configuration says
    since    BIGINT NOT NULL, -- microseconds of the Unix epoch
    issuer   TEXT   NOT NULL
);

-- Which backend holds a wallet's shares: written before the key generation begins, and never changed to another backend.
CREATE TABLE shares (
    session    BYTEA  NOT NULL PRIMARY KEY CHECK (length(session) = 32), -- of the key generation
    wallet     BYTEA  NOT NULL, -- public key hash, 20 bytes; empty while pending
    backend    TEXT   NOT NULL,
    policy     TEXT   NOT NULL, -- by which the backend was chosen
    state      TEXT   NOT NULL, -- pending, active, lost or abandoned
    signatures BIGINT NOT NULL, -- the greatest count that the backend ever reported
    created    BIGINT NOT NULL, -- microseconds of the Unix epoch
    changed    BIGINT NOT NULL
);
CREATE INDEX shares_of_wallet ON shares (wallet);

CREATE TABLE keygens (
    session     BYTEA  NOT NULL PRIMARY KEY CHECK (length(session) = 32),
    invitation  BYTEA  NOT NULL, -- as signed
    state       TEXT   NOT NULL, -- invited, accepted, running, attesting, active, declined, failed
    detail      TEXT   NOT NULL,
    acceptances BYTEA  NOT NULL, -- signed messages, our own first; all of them once it runs
    record      BYTEA  NOT NULL, -- attestations, signed messages; the record of all operators once it is active
    proof       BYTEA  NOT NULL, -- signed messages by which one operator contradicts itself; empty if none did
    wallet      BYTEA  NOT NULL, -- empty until the shares are there
    instance    TEXT   NOT NULL, -- which runs it; empty before it is accepted, and on a node alone
    created     BIGINT NOT NULL,
    changed     BIGINT NOT NULL
);

-- What was asked of a wallet's signers in a window, and what came of it.
CREATE TABLE signings (
    block       BIGINT  NOT NULL,
    wallet      BYTEA   NOT NULL CHECK (length(wallet) = 20),
    intent      BYTEA   NOT NULL CHECK (length(intent) = 32), -- digest
    raw         BYTEA   NOT NULL, -- the unsigned transaction; empty for a heartbeat
    document    TEXT    NOT NULL, -- JSON of the intent
    attempts    BIGINT  NOT NULL, -- begun so far
    absent      TEXT    NOT NULL, -- JSON: operators who were silent, by attempt
    culprits    TEXT    NOT NULL, -- JSON: operators who broke an attempt
    signed      BYTEA   NOT NULL, -- the signed transaction, or the heartbeat's signature; empty until there is one
    tx_hash     BYTEA   NOT NULL, -- of the signed transaction, internal byte order; empty if there is none
    active      BIGINT  NOT NULL, -- seats that announced themselves in the last attempt
    begun_at    BIGINT  NOT NULL, -- height
    finished_at BIGINT  NOT NULL, -- height; 0 until it is
    PRIMARY KEY (block, wallet)
);
CREATE INDEX signings_of_transaction ON signings (tx_hash);

-- Who was absent from three poor heartbeats in a row.
CREATE TABLE inactivity (
    block     BIGINT NOT NULL, -- the window of the last of them
    wallet    BYTEA  NOT NULL CHECK (length(wallet) = 20),
    seats     BYTEA  NOT NULL, -- one byte each, ascending
    operators BYTEA  NOT NULL, -- who holds them, 20 bytes each
    noted_at  BIGINT NOT NULL,
    PRIMARY KEY (block, wallet)
);

-- A version that grows with each change of backends and shares but that of a count.
INSERT INTO changes (topic, version) VALUES ('signers', 0);

-- Programs of version 4 go on beside this: they never look at these tables.
INSERT INTO meta (name, value) VALUES ('works_beside', '4');
