-- The same books for PostgreSQL (12 or newer). Load it once:  psql -v ON_ERROR_STOP=1 -f postgresql.sql
--
-- The poller, in any language, is then this loop:
--   SELECT feed, seq FROM hotside.cursor;
--   GET /v1/events?after=<seq>&wait=30&limit=1000[&feed=<feed>]     409: stop, a person decides
--   SELECT hotside.take_in(<feed or NULL>, <seq>, <the answer's body>);   in its own transaction

BEGIN;
CREATE SCHEMA hotside;

CREATE TABLE hotside.cursor (      -- one row: the feed, and the last event taken in
  one  boolean PRIMARY KEY DEFAULT true CHECK (one),
  feed text,
  seq  bigint NOT NULL
);
INSERT INTO hotside.cursor (feed, seq) VALUES (NULL, 0);

CREATE TABLE hotside.credits (     -- one row for each final deposit, for ever
  deposit text PRIMARY KEY,        -- "<utxo>:<epoch>"; the UTXO id alone can come back
  account text NOT NULL,
  address text NOT NULL,
  amount  bigint NOT NULL,         -- μSTG
  feed    text NOT NULL,           -- the event that told of it, last time it was told
  seq     bigint NOT NULL
);
CREATE INDEX ON hotside.credits (feed, seq);

CREATE TABLE hotside.balances (    -- in real life your ledger, in this same database
  account text PRIMARY KEY,
  amount  numeric(39) NOT NULL
);

CREATE TABLE hotside.pending (     -- seen but not final: to show, never to spend
  deposit text PRIMARY KEY,
  account text NOT NULL,
  amount  bigint NOT NULL
);

-- The deposits of a page, one row an event. `reference` is what you registered the address with; without
-- one, the address names the account.
CREATE FUNCTION hotside.deposits_of(page jsonb)
RETURNS TABLE (seq bigint, type text, deposit text, account text, address text, amount bigint)
LANGUAGE sql IMMUTABLE AS $$
  SELECT (event->>'seq')::bigint, event->>'type', event->'deposit'->>'id',
         coalesce(event->'deposit'->>'reference', event->'deposit'->>'address'),
         event->'deposit'->>'address', (event->'deposit'->>'amount')::bigint
    FROM jsonb_array_elements(page->'events') AS event
   WHERE event->>'type' IN ('deposit.prepared', 'deposit.reverted', 'deposit.committed')
$$;

-- Takes in the page that was asked for with this feed and cursor, whole or not at all. Gives how many
-- deposits were credited. Every exception means: nothing was changed, a person decides.
CREATE FUNCTION hotside.take_in(asked_feed text, asked_after bigint, page jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  credited bigint;
  first_wrong text;
BEGIN
  IF page->>'feed' <> asked_feed THEN
    RAISE EXCEPTION 'asked for feed % and got feed %', asked_feed, page->>'feed';
  END IF;
  IF (page->>'next')::bigint <> asked_after + jsonb_array_length(page->'events') OR EXISTS (
      SELECT 1 FROM jsonb_array_elements(page->'events') WITH ORDINALITY AS told (event, n)
       WHERE (event->>'seq')::bigint <> asked_after + n) THEN
    RAISE EXCEPTION 'the events after % do not follow each other', asked_after;
  END IF;

  -- The row stays locked until the commit: a second consumer waits here, then finds the cursor moved.
  UPDATE hotside.cursor SET feed = page->>'feed', seq = (page->>'next')::bigint
   WHERE cursor.feed IS NOT DISTINCT FROM asked_feed AND cursor.seq = asked_after;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the cursor is not at % any more: is there another consumer?', asked_after;
  END IF;

  -- The unique key makes an event that is seen again harmless.
  WITH new AS (
    INSERT INTO hotside.credits (deposit, account, address, amount, feed, seq)
    SELECT told.deposit, told.account, told.address, told.amount, page->>'feed', told.seq
      FROM hotside.deposits_of(page) AS told WHERE told.type = 'deposit.committed'
    ON CONFLICT (deposit) DO NOTHING
    RETURNING account, amount
  ), sums AS (
    INSERT INTO hotside.balances (account, amount)
    SELECT account, sum(amount) FROM new GROUP BY account
    ON CONFLICT (account) DO UPDATE SET amount = balances.amount + excluded.amount
  )
  SELECT count(*) INTO credited FROM new;

  -- Whatever was credited before must be told the same way again.
  SELECT told.deposit INTO first_wrong
    FROM hotside.deposits_of(page) AS told JOIN hotside.credits USING (deposit)
   WHERE told.type = 'deposit.committed'
     AND (told.address, told.amount) <> (credits.address, credits.amount) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'deposit % was credited with another amount or address', first_wrong;
  END IF;
  UPDATE hotside.credits SET feed = page->>'feed', seq = told.seq
    FROM hotside.deposits_of(page) AS told
   WHERE told.type = 'deposit.committed' AND credits.deposit = told.deposit;

  -- For the user's eyes: what each deposit is after the last event of this page.
  DELETE FROM hotside.pending USING hotside.deposits_of(page) AS told
   WHERE pending.deposit = told.deposit;
  INSERT INTO hotside.pending (deposit, account, amount)
  SELECT last.deposit, last.account, last.amount
    FROM (SELECT DISTINCT ON (told.deposit) told.* FROM hotside.deposits_of(page) AS told
           ORDER BY told.deposit, told.seq DESC) AS last
   WHERE last.type = 'deposit.prepared'
     AND NOT EXISTS (SELECT 1 FROM hotside.credits WHERE credits.deposit = last.deposit);
  RETURN credited;
END
$$;

-- The operator's decision after a 409 `feed-changed`: follow the new feed, from its first event. Credits stay.
CREATE FUNCTION hotside.start_feed(new_feed text) RETURNS void LANGUAGE sql AS $$
  UPDATE hotside.cursor SET feed = new_feed, seq = 0;
  DELETE FROM hotside.pending;
$$;

COMMIT;

-- For the checkpoint (h(n) = SHA3-256(h(n-1) || utxo || u64le epoch || i64le amount), see books.py) read the
-- credits in the order in which the feed told them, and hash in your own language:
--   SELECT deposit, amount FROM hotside.credits WHERE feed = (SELECT feed FROM hotside.cursor) ORDER BY seq;
-- Credits that the present feed has not told of, for people to look at after a start_feed:
--   SELECT * FROM hotside.credits WHERE feed <> (SELECT feed FROM hotside.cursor);
