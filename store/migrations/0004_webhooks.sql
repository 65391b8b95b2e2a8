-- Webhook endpoints. What an operator decides (first lines) and how deliveries stand (last lines)
-- are written by different hands; `revision` rises with the former only. The queue of an endpoint
-- is `cursor` over the feed it belongs to: events are not copied.
CREATE TABLE webhook (
  id              TEXT    PRIMARY KEY,
  url             TEXT    NOT NULL,
  events          TEXT    NOT NULL,  -- type names, separated by spaces
  allow_private   INTEGER NOT NULL CHECK (allow_private IN (0, 1)),
  is_configured   INTEGER NOT NULL CHECK (is_configured IN (0, 1)),
  disabled        TEXT    CHECK (disabled IN ('operator', 'gone', 'removed')),
  created_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  feed            TEXT    NOT NULL,
  cursor          INTEGER NOT NULL,
  failures        INTEGER NOT NULL,  -- in a row
  failing_since   INTEGER,
  next_attempt_at INTEGER
) STRICT, WITHOUT ROWID;

-- Newest first by `place`; it signs until valid_until, for ever where that is null.
CREATE TABLE webhook_secret (
  webhook     TEXT    NOT NULL REFERENCES webhook (id),
  place       INTEGER NOT NULL,
  secret      TEXT    NOT NULL,
  valid_until INTEGER,
  PRIMARY KEY (webhook, place)
) STRICT, WITHOUT ROWID;

-- Attempts, the newest of each endpoint only (store/webhooks.hpp says how many).
CREATE TABLE webhook_delivery (
  n          INTEGER PRIMARY KEY,
  webhook    TEXT    NOT NULL REFERENCES webhook (id),
  seq        INTEGER NOT NULL,
  attempt    INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  status     INTEGER,
  latency_ms INTEGER NOT NULL,
  error      TEXT,
  response   BLOB
) STRICT;
CREATE INDEX webhook_delivery_newest ON webhook_delivery (webhook, n);
CREATE INDEX webhook_delivery_seq ON webhook_delivery (webhook, seq, attempt);

-- Events to be sent once more, out of order. Numbers are not used twice, so that who has looked up
-- to one misses none.
CREATE TABLE webhook_redelivery (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook TEXT    NOT NULL REFERENCES webhook (id),
  seq     INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_redelivery_webhook ON webhook_redelivery (webhook);

-- Rises with everything that whoever delivers must look at.
CREATE TABLE webhook_revision (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_revision VALUES (1, 0);
