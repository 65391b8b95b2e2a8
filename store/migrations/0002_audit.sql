-- Every write in order, each chained to the one before; appended, never changed. How `hash` is made
-- stands in store/audit.hpp.
CREATE TABLE audit_log (
  n          INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  who        TEXT    NOT NULL,
  role       TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  target     TEXT    NOT NULL,
  outcome    TEXT    NOT NULL,
  request_id TEXT    NOT NULL,
  previous   BLOB    NOT NULL CHECK (length(previous) = 32),
  hash       BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- What was answered to a write under its Idempotency-Key; `caller` keeps one token's keys apart
-- from another's.
CREATE TABLE idempotency (
  caller   TEXT    NOT NULL,
  key      TEXT    NOT NULL,
  request  BLOB    NOT NULL CHECK (length(request) = 32),  -- SHA3-256 of method, path and body
  at       INTEGER NOT NULL,
  status   INTEGER NOT NULL,
  body     TEXT    NOT NULL,
  location TEXT,  -- its header, where it had one
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);
