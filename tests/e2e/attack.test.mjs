// Attacks on the gateway's picture of a session: each tries to run, unapproved, what a guardrail holds,
// by making the gateway and the server take the same bytes for different things. What the table
// `orders` still has is the truth.
import assert from 'node:assert/strict';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, front } from '../lib/pgwire.mjs';

const { bind, close, execute, flush, parse, query, sync } = front;

const pg = await Postgres.start();
await pg.sql(`
  CREATE FUNCTION purge() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN DELETE FROM orders; RETURN 1; END $$;
  CREATE FUNCTION calm(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN purge(); END $$;
  CREATE SCHEMA evil;
  CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN purge(); END $$;
  GRANT USAGE ON SCHEMA evil TO PUBLIC`);

const BULK = `  - name: bulk
    on: sql
    when: sql.writes && !sql.has_where
    then: hold
    approvals: [{ from: [dba], count: 1 }]
`;
const DYNAMIC = `  - name: dynamic
    on: sql
    when: "'dynamic' in sql.classes"
    then: hold
    approvals: [{ from: [dba], count: 1 }]
`;

async function start(scope, guardrails = BULK, parameters = {}) {
  await pg.sql(`TRUNCATE orders; INSERT INTO orders SELECT g, 'new', g FROM generate_series(1, 20) g`);
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: `guardrails:\n${guardrails}` });
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database, ...parameters });
  return { g, c };
}

// Held, refused or the end of the session: whatever it is, nothing was deleted.
async function nothingRuns(g, c, ...last) {
  const from = c.messages.length;
  c.send(...last);
  if (last.length) await c.until(() => c.closed || c.messages.slice(from).some((m) => m.type === 'N' || m.type === 'Z'), 'an answer');
  await sleep(100);
  assert.equal(await pg.count(), 20);
  for (const r of await g.requests('pending')) await g.reject(r.id, 'an attack');
}

const READ = 'SELECT 1';
const PURGE = 'DELETE FROM orders';
const LONG = 'n'.repeat(63);
// Read with standard_conforming_strings on, the DELETE is in a string.
const TWO_FACED = String.raw`WITH x AS (SELECT '\'' AS a), d AS (DELETE FROM orders RETURNING 1) SELECT 1 --') SELECT 1`;

test('S8: names that differ behind the 63rd byte are one name, as they are to the server', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(parse(`${LONG}x`, READ), sync());
  await c.ask(close('S', `${LONG}y`), sync());
  await c.ask(parse(`${LONG}z`, PURGE), sync());
  await nothingRuns(g, c, bind('', `${LONG}x`), execute(''), sync());
});

test('S8: portals whose names differ behind the 63rd byte are one portal', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(query('BEGIN'));
  await c.ask(parse('r', READ), parse('p', PURGE), bind(`${LONG}x`, 'r'), sync());
  await c.ask(close('P', `${LONG}y`), bind(`${LONG}z`, 'p'), sync());
  await nothingRuns(g, c, execute(`${LONG}x`), sync(), query('COMMIT'));
});

test('S8: a Parse that the server skipped does not make it forget its unnamed statement', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(parse('', PURGE), sync());
  await c.ask(parse('broken', 'SELEC'), parse('', READ), sync());
  await nothingRuns(g, c, bind('', ''), execute(''), sync());
});

test('S8: a name beyond ASCII is another one in another encoding', async (scope) => {
  const { g, c } = await start(scope);
  const e = { latin1: '\xe9', utf8: '\xc3\xa9' };
  await c.ask(query(`SET client_encoding = 'LATIN1'`));
  await c.ask(query(`PREPARE ${e.latin1} AS ${READ}`));
  await c.ask(query(`SET client_encoding = 'UTF8'`));
  await c.ask(query(`DEALLOCATE ${e.utf8}`));
  await c.ask(query(`PREPARE ${e.utf8} AS ${PURGE}`));
  await c.ask(query(`SET client_encoding = 'LATIN1'`));
  await nothingRuns(g, c, query(`EXECUTE ${e.latin1}`));
});

test('S11: what a setting did to the lexer counts before the server has reported it', async (scope) => {
  const { g, c } = await start(scope);
  const from = c.messages.length;
  c.send(parse('', 'SET standard_conforming_strings = off'), bind('', ''), execute(''), flush());
  await c.next('C', from);
  await nothingRuns(g, c, parse('', TWO_FACED), bind('', ''), execute(''), sync());
});

test('S11: a rollback that brings back another lexer counts before its answer', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(query('SET standard_conforming_strings = off'));
  await c.ask(query('BEGIN'));
  await c.ask(query('SET standard_conforming_strings = on'));
  await nothingRuns(g, c, query('ROLLBACK'), query(TWO_FACED));
});

test('S11: a lexer that was changed and changed back comes again with its savepoint', async (scope) => {
  const { g, c } = await start(scope);
  await c.ask(query('BEGIN'));
  await c.ask(query('SET standard_conforming_strings = off; SAVEPOINT a; SET standard_conforming_strings = on'));
  await nothingRuns(g, c, query('ROLLBACK TO a'), query(TWO_FACED), query('COMMIT'));
});

// Whichever way the server reads, the other one is harmless.
for (const [now, text] of [['off', TWO_FACED], ['on', TWO_FACED.replace(String.raw`'\''`, String.raw`'\'`)]])
  test(`S8: a statement that was prepared while its reading was in doubt is not known (${now})`, async (scope) => {
    const { g, c } = await start(scope);
    await c.ask(query('BEGIN'));
    await c.ask(query('SET standard_conforming_strings = off'));
    await c.ask(query(`SET standard_conforming_strings = ${now}`));
    await c.ask(query(`PREPARE s AS ${text}`));
    await nothingRuns(g, c, query('EXECUTE s'), query('COMMIT'));
  });

for (const [how, carrier] of Object.entries({
  'an Execute of another portal': [parse('r', READ), bind('', 'r'), execute(''), sync()],
  'a Query': [query(READ), sync()],
  'CopyData outside COPY': [front.copyData('x'), sync()],
  'an Execute of what the gateway does not know': [parse('r', 'EXECUTE unknown'), bind('', 'r'), execute(''), sync()],
}))
  test(`S1: a Bind that may run code when it is planned does not leave with ${how}`, async (scope) => {
    const { g, c } = await start(scope, DYNAMIC);
    await nothingRuns(g, c, parse('evil', `SELECT calm('now')`), bind('p', 'evil'), ...carrier);
  });

test('S1: the approval of one Bind does not let the next one leave', async (scope) => {
  const { g, c } = await start(scope, DYNAMIC);
  c.send(parse('a', `SELECT md5(unknown_but_good('x'))`), bind('p', 'a'), parse('b', `SELECT calm('now')`), bind('q', 'b'), sync());
  const { id } = await g.pending();
  await pg.sql('CREATE OR REPLACE FUNCTION unknown_but_good(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$');
  await g.approve(id);
  await nothingRuns(g, c);
});

test('S2: what was prepared under one search_path is not what runs under another', async (scope) => {
  const { g, c } = await start(scope, DYNAMIC);
  await c.ask(parse('s', `SELECT lower('X')`), sync());
  await c.ask(query('SET search_path = evil, pg_catalog, public'));
  await nothingRuns(g, c, bind('', 's'), execute(''), sync());
});

test('L1: the end of a COPY that had failed is not waited for', async (scope) => {
  const { c } = await start(scope);
  await c.ask(query('COPY nowhere FROM STDIN'));
  await c.ask(front.copyDone(), query('PREPARE s AS SELECT 7'));
  await c.ask(front.copyFail('late'), query('EXECUTE s'));
  await c.ask(query('COPY nowhere FROM STDIN'), front.copyDone());
  await c.ask(query('EXECUTE s'));
  // CopyDone stands before what the server answers with rows or COPY data of its own.
  await c.ask(query('COPY nowhere FROM STDIN'), front.copyDone(), query('COPY notes TO STDOUT'));
  await c.ask(query('SELECT 8'));
});

test('L1: a statement that has to wait for a COPY FROM STDIN ends the session, as on the server', async (scope) => {
  const { c } = await start(scope);
  c.send(query('COPY notes (body) FROM STDIN'), query('EXECUTE s'), front.copyFail('too late'), sync());
  await c.ended();
});

// What the approver is told about the session when this is held behind it.
async function shownBehind(scope, parameters, ...before) {
  const { g, c } = await start(scope, BULK, parameters);
  for (const message of before) await c.ask(message);
  c.send(query(PURGE));
  const { id } = await g.pending();
  const shown = (await g.cli(['show', String(id)])).out;
  await g.reject(id, 'seen');
  return shown;
}

test('S2: an approver is told the search_path and role that the login brought', async (scope) => {
  const shown = await shownBehind(scope, { options: '-c search_path=evil,public', role: 'app' });
  assert.match(shown, /evil,public/);
});

test('S2: a search_path that was rolled back, or failed, or was local does not hide the one in force', async (scope) => {
  for (const undone of [
    [query('BEGIN; SET search_path = public; ROLLBACK')],
    [query('SET search_path = public; SELECT 1/0')],
    [query('BEGIN'), query('SET LOCAL search_path = public'), query('COMMIT')],
    [query('BEGIN'), query('SAVEPOINT a'), query('SET search_path = public'), query('ROLLBACK TO a')],
  ]) assert.match(await shownBehind(scope, {}, query('SET search_path = evil'), ...undone), /evil/);
});

test('S2: a search_path that stays is shown alone', async (scope) => {
  const shown = await shownBehind(scope, {}, query('SET search_path = evil'), query('SET search_path = public'));
  assert.match(shown, /public/);
  assert.doesNotMatch(shown, /evil/);
});

// Each leaves the session with a way to run PURGE that is not called DELETE; none may be new to the gateway.
const DETOURS = {
  'FETCH from a portal of the protocol': [[query('BEGIN')],
    [parse('', `${PURGE} RETURNING id`), bind('p', ''), sync()], [query('FETCH ALL FROM p'), query('COMMIT')]],
  'MOVE in a portal of the protocol': [[query('BEGIN')],
    [parse('', `${PURGE} RETURNING id`), bind('p', ''), sync()], [query('MOVE ALL FROM p'), query('COMMIT')]],
  'EXECUTE of what was parsed': [[parse('s', PURGE), sync()], [query('EXECUTE s')]],
  'EXPLAIN ANALYZE EXECUTE': [[query(`PREPARE s AS ${PURGE}`)], [query('EXPLAIN ANALYZE EXECUTE s')]],
  'CREATE TABLE AS EXECUTE': [[query(`PREPARE s AS ${PURGE} RETURNING id`)], [query('CREATE TEMP TABLE t AS EXECUTE s')]],
  'a name exchanged in a text of which a later part fails': [[query(`PREPARE s AS ${READ}`)],
    [query(`DEALLOCATE s; PREPARE s AS ${PURGE}; SELECT 1/0`)], [query('EXECUTE s')]],
  'a name exchanged behind a part that fails': [[query(`PREPARE s AS ${PURGE}`)],
    [query(`SELECT 1/0; DEALLOCATE s; PREPARE s AS ${READ}`)], [query('EXECUTE s')]],
  'EXECUTE before the exchange of the name in one text': [[query(`PREPARE s AS ${PURGE}`)],
    [query(`EXECUTE s; DEALLOCATE s; PREPARE s AS ${READ}`)]],
  'a name exchanged in an aborted pipeline': [[parse('s', PURGE), sync()],
    [parse('broken', 'SELEC'), close('S', 's'), parse('s', READ), sync()], [bind('', 's'), execute(''), sync()]],
  'a pipeline that goes on behind its error': [[parse('broken', 'SELEC'), sync(), parse('', PURGE), bind('', ''), execute(''), sync()]],
  'a portal bound anew': [[parse('r', READ), parse('d', PURGE), bind('', 'r'), sync()], [bind('', 'r'), bind('', 'd'), execute(''), sync()]],
  'Flush instead of Sync': [[parse('', PURGE), sync()], [bind('', ''), execute(''), flush()]],
  'a DELETE behind a COPY that was announced': [[query('CREATE TEMP TABLE c (x text)')],
    [parse('', 'COPY c FROM STDIN'), bind('', ''), execute(''), sync(), parse('', PURGE), bind('', ''), execute(''), sync(), front.copyDone(), sync()]],
  'Terminate with deferred messages': [[parse('', PURGE), bind('', ''), front.terminate()]],
};
for (const [how, steps] of Object.entries(DETOURS))
  test(`S1: no way round: ${how}`, async (scope) => {
    const { g, c } = await start(scope);
    for (const step of steps.slice(0, -1)) await c.ask(...step);
    await nothingRuns(g, c, ...steps.at(-1));
  });
