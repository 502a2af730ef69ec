-- The database of a vault, format 1. Rows of terms, slots, outpoints and payments are never deleted. Secrets are encrypted
-- with the master key, see box.go.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY, -- backend; seal: the seed of the HPKE private keys, encrypted; probe: whether the disk takes it
    value BLOB NOT NULL
) STRICT;

CREATE TABLE keys (
    wallet     BLOB    NOT NULL PRIMARY KEY CHECK (length(wallet) = 20),
    session    BLOB    NOT NULL UNIQUE, -- of its generation
    head       TEXT    NOT NULL, -- JSON: what a list of keys shows and never changes
    detail     TEXT    NOT NULL, -- JSON: roster, verification shares, whose seats, the backends' keys
    secret     BLOB    NOT NULL, -- encrypted JSON: the shares, and the HPKE private key that others seal to for this wallet
    state      TEXT    NOT NULL, -- pending, active, frozen
    why        TEXT    NOT NULL, -- of frozen
    before     TEXT    NOT NULL, -- the state before it was exported; empty unless it was
    height     INTEGER NOT NULL, -- anchor: no block above this one existed
    at         INTEGER NOT NULL, -- at this time, in microseconds of the Unix epoch
    window     INTEGER NOT NULL, -- the newest that it was used for; 0 if none
    signatures INTEGER NOT NULL  -- shares of signatures released
) STRICT;

CREATE TABLE terms (
    wallet     BLOB    NOT NULL PRIMARY KEY, -- or a key generation's placeholder
    generation INTEGER NOT NULL,
    epoch      INTEGER NOT NULL
) STRICT;

-- What a window is bound to.
CREATE TABLE slots (
    wallet BLOB    NOT NULL,
    window INTEGER NOT NULL,
    intent BLOB    NOT NULL, -- digest
    tx     BLOB    NOT NULL, -- hash of the transaction, internal byte order; empty for a heartbeat
    PRIMARY KEY (wallet, window)
) STRICT;
CREATE INDEX slots_of_transaction ON slots (wallet, tx);

-- Which intents spend an output.
CREATE TABLE outpoints (
    wallet BLOB    NOT NULL,
    tx     BLOB    NOT NULL, -- hash, internal byte order
    idx    INTEGER NOT NULL,
    window INTEGER NOT NULL,
    intent BLOB    NOT NULL,
    PRIMARY KEY (wallet, tx, idx, window)
) STRICT;
CREATE INDEX outpoints_of_intent ON outpoints (wallet, intent);

-- Which intents pay a redeemer's script.
CREATE TABLE payments (
    wallet BLOB    NOT NULL,
    script BLOB    NOT NULL, -- SHA-256
    window INTEGER NOT NULL,
    intent BLOB    NOT NULL,
    PRIMARY KEY (wallet, script, window)
) STRICT;

CREATE TABLE sessions (
    session BLOB    NOT NULL PRIMARY KEY,
    wallet  BLOB    NOT NULL, -- or a key generation's placeholder
    window  INTEGER NOT NULL, -- 0 of a key generation
    rounds  INTEGER NOT NULL, -- answered
    over    INTEGER NOT NULL  -- 1 once it has ended
) STRICT;
CREATE INDEX sessions_of_window ON sessions (wallet, window);

-- What was answered, encrypted. The replies about a window go when the next one comes, those of a key generation stay.
CREATE TABLE replies (
    session BLOB    NOT NULL REFERENCES sessions,
    round   INTEGER NOT NULL,
    request BLOB    NOT NULL, -- SHA-256 of what was asked
    reply   BLOB    NOT NULL,
    PRIMARY KEY (session, round)
) STRICT;

PRAGMA user_version = 1;
