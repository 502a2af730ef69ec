-- Evidence between operators: what this operator attested, what others did, and what is proved. Nothing of an earlier version is
-- changed, and programs of the versions that schema 5 lets work beside it go on beside this: they sign only where something was
-- agreed, and nothing is attested as silent there.

-- +goose Up

CREATE TABLE heads (
    block       BIGINT  NOT NULL, -- window
    operator    BYTEA   NOT NULL CHECK (length(operator) = 20),
    signed      BYTEA   NOT NULL, -- the signed message
    own         BOOLEAN NOT NULL,
    lost        BOOLEAN NOT NULL, -- one of our own that is known only by what was sent: what is below it is gone
    sent        BOOLEAN NOT NULL, -- FALSE of our own until it is known to have been sent
    version     BIGINT  NOT NULL, -- of one of our own: that with which it was stored; else 0
    stored_time BIGINT  NOT NULL,
    PRIMARY KEY (block, operator)
);
CREATE INDEX heads_own ON heads (block) WHERE own;

-- What this operator attests. A row changes from none to late, once, and never otherwise.
CREATE TABLE entries (
    block  BIGINT NOT NULL,
    wallet BYTEA  NOT NULL CHECK (length(wallet) = 20),
    status BIGINT NOT NULL, -- evidence.Status
    leader BYTEA  NOT NULL CHECK (length(leader) = 20), -- zero if it is not known
    sender BYTEA  NOT NULL CHECK (length(sender) = 20), -- zero if there is no statement
    digest BYTEA  NOT NULL CHECK (length(digest) = 32), -- zero if there is no statement, or two
    filled BIGINT NOT NULL, -- window of the newest head in which it was none still; 0 if it was never another
    PRIMARY KEY (block, wallet)
);
CREATE INDEX entries_filled ON entries (filled) WHERE filled > 0;

-- What another operator is known to attest differently.
CREATE TABLE differences (
    block    BIGINT  NOT NULL,
    wallet   BYTEA   NOT NULL CHECK (length(wallet) = 20),
    operator BYTEA   NOT NULL CHECK (length(operator) = 20),
    entry    BYTEA   NOT NULL, -- as a message of evidence.proto; empty if it attests nothing there
    open     BOOLEAN NOT NULL, -- nobody could explain it
    PRIMARY KEY (block, wallet, operator)
);
CREATE INDEX differences_of_operator ON differences (operator, block);

-- Messages in which another operator acted on a leader's word.
CREATE TABLE quotes (
    block    BIGINT NOT NULL,
    operator BYTEA  NOT NULL CHECK (length(operator) = 20),
    wallet   BYTEA  NOT NULL CHECK (length(wallet) = 20),
    signed   BYTEA  NOT NULL,
    PRIMARY KEY (block, operator, wallet)
);

-- Rows are never deleted.
CREATE TABLE proofs (
    id          TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    culprit     BYTEA   NOT NULL CHECK (length(culprit) = 20),
    block       BIGINT  NOT NULL,
    wallet      BYTEA   NOT NULL CHECK (length(wallet) = 20), -- zero of heads, which are of no wallet
    proof       BYTEA   NOT NULL,
    source      BYTEA   NOT NULL CHECK (length(source) = 20), -- who told of it; zero if it was found here
    stored_at   BIGINT  NOT NULL, -- height
    stored_time BIGINT  NOT NULL,
    told        BOOLEAN NOT NULL, -- the others have it
    UNIQUE (culprit, kind, block, wallet)
);
CREATE INDEX proofs_of_window ON proofs (block, wallet);
CREATE INDEX proofs_untold ON proofs (stored_time) WHERE NOT told;

CREATE TABLE proof_holders (
    proof    TEXT  NOT NULL REFERENCES proofs (id),
    operator BYTEA NOT NULL CHECK (length(operator) = 20),
    PRIMARY KEY (proof, operator)
);

-- A version that grows with each change of entries and of our heads, and a row to lock for both.
INSERT INTO changes (topic, version) VALUES ('evidence', 0);
