// The wall behind the judgement: what is classed as a read runs where the server forbids writing, whatever the
// client tries to switch that off; what was let through to write, writes. Tables and the server's own errors are
// the judges.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, psycopg, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { ROOT, run, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, fields, front } from '../lib/pgwire.mjs';

const { bind, copyData, copyDone, execute, flush, functionCall, parse, query, sync } = front;
const describeStatement = (name) => front.describe('S', name);

const pg = await Postgres.start();
// Each looks like a read: nothing in `SELECT * FROM leak` says what it does.
await pg.sql(`
  CREATE FUNCTION purge() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN DELETE FROM orders; RETURN 1; END $$;
  CREATE FUNCTION flip() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    PERFORM set_config('default_transaction_read_only', 'off', false); RETURN 1; END $$;
  CREATE FUNCTION flip_now() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM orders; RETURN 1; END $$;
  CREATE FUNCTION unlocked() RETURNS int LANGUAGE plpgsql VOLATILE SET transaction_read_only = off AS $$ BEGIN
    DELETE FROM orders; RETURN 1; END $$;
  CREATE VIEW leak AS SELECT purge() AS n;
  CREATE VIEW flips AS SELECT flip() AS n;
  CREATE VIEW flips_now AS SELECT flip_now() AS n;
  CREATE VIEW unlocks AS SELECT unlocked() AS n;
  GRANT SELECT ON leak, flips, flips_now, unlocks TO PUBLIC`);

const WALL = 'walls: [read_only]';
const NOTHING = 'guardrails: []\n';

async function start(scope, { guardrails = NOTHING, parameters = {}, ...more } = {}) {
  await pg.sql('TRUNCATE orders; INSERT INTO orders SELECT g, \'new\', g FROM generate_series(1, 20) g; TRUNCATE notes');
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails, resource: WALL, ...more });
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database, ...parameters });
  return { g, c };
}

const codes = (messages) => messages.filter((m) => m.type === 'E').map((m) => fields(m.body).C);
const tags = (messages) => messages.filter((m) => m.type === 'C').map((m) => m.body.toString('latin1', 0, m.body.length - 1));
const statuses = (messages) => messages.filter((m) => m.type === 'Z').map((m) => String.fromCharCode(m.body[0]));
const READS = 'SELECT count(*) FROM orders';
const WRITE = "INSERT INTO notes (body) VALUES ('x')";
const run1 = (sql) => [parse('', sql), bind('', ''), execute('')];

test('a read outside a transaction costs nothing: the server sees only the client\'s own statement', async (scope) => {
  const { c } = await start(scope);
  assert.deepEqual(tags(await c.ask(query(READS))), ['SELECT 1']);
  assert.deepEqual(tags(await c.ask(...run1(READS), sync())), ['SELECT 1']);
  assert.deepEqual((await pg.ran()).filter((t) => !t.includes('marker')).slice(-2), [READS, READS]);
});

test('what a view hides runs into the wall, in every protocol, in and outside of transactions', async (scope) => {
  const { c } = await start(scope);
  const leaks = 'SELECT * FROM leak';
  assert.deepEqual(codes(await c.ask(query(leaks))), ['25006']);
  assert.deepEqual(codes(await c.ask(...run1(leaks), sync())), ['25006']);
  for (const view of ['flips_now', 'unlocks'])
    assert.equal(codes(await c.ask(query(`SELECT * FROM ${view}`))).length, 1);
  for (const begin of ['BEGIN', 'BEGIN READ WRITE', 'START TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'BEGIN READ ONLY']) {
    await c.ask(query(begin));
    await c.ask(query(READS));
    assert.deepEqual(codes(await c.ask(query(leaks))), ['25006'], begin);
    await c.ask(query('ROLLBACK'));
    await c.ask(...run1(begin), sync());
    assert.deepEqual(codes(await c.ask(...run1(leaks), sync())), ['25006'], begin);
    await c.ask(query('ROLLBACK'));
  }
  assert.deepEqual(codes(await c.ask(query('PREPARE p AS SELECT * FROM leak'))), []);
  assert.deepEqual(codes(await c.ask(query('EXECUTE p'))), ['25006']);
  assert.deepEqual(codes(await c.ask(query('EXPLAIN ANALYZE SELECT * FROM leak'))), ['25006']);
  assert.deepEqual(codes(await c.ask(query('COPY (SELECT * FROM leak) TO STDOUT'))), ['25006']);
  assert.equal(await pg.count(), 20);
});

test('what was let through writes, by every way to write', async (scope) => {
  const { c } = await start(scope);
  for (let i = 0; i < 3; i++) assert.deepEqual(tags(await c.ask(query(WRITE))), ['INSERT 0 1']);
  assert.deepEqual(tags(await c.ask(...run1(WRITE), sync())), ['INSERT 0 1']);
  assert.deepEqual(tags(await c.ask(parse('w', WRITE), describeStatement('w'), sync(), bind('', 'w'), execute(''), sync())), []);
  await c.until(() => tags(c.messages.slice(-4)).length, 'the pipelined one');
  assert.deepEqual(tags(await c.ask(parse('', WRITE), describeStatement(''), flush(), bind('', ''), execute(''), sync())), ['INSERT 0 1']);
  const copied = c.messages.length;
  c.send(query("COPY notes (body) FROM STDIN"));
  await c.next('G', copied);
  assert.deepEqual(tags(await c.ask(copyData('a\nb\n'), copyDone())), ['COPY 2']);
  assert.deepEqual(codes(await c.ask(query('CREATE TABLE made (n int)'))), []);
  assert.deepEqual(codes(await c.ask(query('CREATE INDEX CONCURRENTLY made_n ON made (n)'))), []);
  assert.deepEqual(codes(await c.ask(...run1('VACUUM made'), sync())), []);
  assert.deepEqual(codes(await c.ask(query('DROP TABLE made'))), []);
  assert.deepEqual(codes(await c.ask(query('SELECT id FROM orders FOR UPDATE'))), []);
  assert.equal(codes(await c.ask(functionCall(1574, ['notes_id_seq']))).length, 0); // nextval(regclass) takes an OID as text
  assert.equal(Number(await pg.sql('SELECT count(*) FROM notes')), 8);
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006'], 'and the wall stands again');
  assert.equal(await pg.count(), 20);
});

test('a transaction that reads first can write, and its reads stay walled in behind the writes', async (scope) => {
  const { c } = await start(scope);
  for (const one of [(sql) => [query(sql)], (sql) => [...run1(sql), sync()]]) {
    await c.ask(...one('BEGIN'));
    for (const sql of [READS, READS, WRITE, READS, 'SAVEPOINT a', READS, WRITE, READS, 'ROLLBACK TO a', READS, 'RELEASE a', WRITE])
      assert.deepEqual(codes(await c.ask(...one(sql))), [], sql);
    assert.deepEqual(statuses(await c.ask(...one('COMMIT AND CHAIN'))), ['T']);
    assert.deepEqual(codes(await c.ask(...one(WRITE))), []);
    assert.deepEqual(codes(await c.ask(...one(READS))), []);
    assert.deepEqual(codes(await c.ask(...one('SAVEPOINT b'))), []);
    assert.deepEqual(codes(await c.ask(...one('SELECT * FROM leak'))), ['25006']);
    assert.deepEqual(codes(await c.ask(...one('ROLLBACK TO b'))), []);
    assert.deepEqual(codes(await c.ask(...one('SELECT * FROM leak'))), ['25006']);
    assert.deepEqual(statuses(await c.ask(...one('ROLLBACK AND CHAIN'))), ['T']);
    assert.deepEqual(codes(await c.ask(...one('SELECT * FROM leak'))), ['25006']);
    assert.deepEqual(statuses(await c.ask(...one('ROLLBACK'))), ['I']);
  }
  assert.equal(Number(await pg.sql('SELECT count(*) FROM notes')), 4);
  assert.equal(await pg.count(), 20);
});

test('a cursor fetches behind the wall wherever it was opened', async (scope) => {
  const { c } = await start(scope);
  await c.ask(query('BEGIN'));
  await c.ask(query('DECLARE d CURSOR FOR SELECT * FROM leak'));
  await c.ask(query(WRITE));
  assert.deepEqual(codes(await c.ask(query('FETCH d'))), ['25006']);
  await c.ask(query('ROLLBACK'));
  await c.ask(query('BEGIN'));
  const from = c.messages.length;
  c.send(parse('', 'SELECT n FROM generate_series(1, 3) AS n'), bind('p', ''), execute('p', 1), flush());
  await c.next('s', from);
  assert.deepEqual(codes(await c.ask(sync())), []);
  assert.deepEqual(codes(await c.ask(query(WRITE))), []);
  assert.deepEqual(tags(await c.ask(execute('p'), sync())), ['SELECT 2']);
  await c.ask(query('COMMIT'));
  assert.equal(await pg.count(), 20);
});

test('every way to switch the state back is refused or leads nowhere', async (scope) => {
  const { g, c } = await start(scope);
  const refusedWords = ['SET default_transaction_read_only = off', 'SET default_transaction_read_only TO false',
    'SET LOCAL default_transaction_read_only = 0', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
    'SET transaction_read_only = off', 'SET TRANSACTION READ WRITE', "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT pg_catalog.set_config('DEFAULT_transaction_read_only', 'off', false)",
    'ALTER ROLE app SET default_transaction_read_only = off', `ALTER DATABASE ${pg.database} SET default_transaction_read_only = off`,
    'BEGIN READ WRITE; SELECT * FROM leak; COMMIT', "BEGIN; SELECT set_config('transaction_read_only', 'off', true); SELECT * FROM leak; COMMIT"];
  for (const sql of refusedWords) {
    assert.deepEqual(codes(await c.ask(query(sql))), ['ZC001'], sql);
    assert.deepEqual(codes(await c.ask(...run1(sql), sync())).length, 1, sql);
  }
  for (const sql of ['RESET ALL', 'DISCARD ALL', 'RESET SESSION AUTHORIZATION', 'DEALLOCATE ALL'])
    assert.deepEqual(codes(await c.ask(query(sql))), [], sql);
  for (const before of ['SELECT 1', 'SELECT * FROM flips', 'RESET ALL', 'DISCARD ALL']) {
    await c.ask(query(before));
    assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006'], before);
    await c.ask(query('BEGIN; COMMIT'));
    assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak; SELECT 1'))), ['25006'], before);
  }
  await c.ask(query('BEGIN'));
  await c.ask(query(READS));
  assert.deepEqual(codes(await c.ask(query('ROLLBACK TO countersign_wall'))), []);
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
  await c.ask(query('ROLLBACK'));
  await c.ask(query('BEGIN'));
  await c.ask(query(READS));
  assert.deepEqual(codes(await c.ask(query('RELEASE countersign_wall'))), []);
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
  await c.ask(query('ROLLBACK'));
  await c.ask(parse('back', 'ROLLBACK TO countersign_wall'), parse('gone', 'RELEASE countersign_wall'), sync());
  for (const name of ['back', 'gone']) {
    await c.ask(query('BEGIN'));
    await c.ask(query(READS));
    await c.ask(query(`EXECUTE ${name}`));
    assert.equal(codes(await c.ask(query('SELECT * FROM leak'))).length, 1);
    await c.ask(query('ROLLBACK'));
  }
  await c.ask(query('BEGIN'));
  assert.deepEqual(codes(await c.ask(query('ROLLBACK AND CHAIN; SELECT * FROM leak'))), ['ZC001']);
  await c.ask(query('ROLLBACK'));
  assert.equal(await pg.count(), 20);
  assert.match(g.auditText(), /the gateway keeps the read-only state/);
});

test('start-up parameters cannot take the wall down, and a client that wants to write finds a session that can', async (scope) => {
  const { g, c } = await start(scope);
  const reported = c.messages.filter((m) => m.type === 'S').map((m) => m.body.toString()).filter((t) => t.startsWith('default_transaction_read_only'));
  assert.deepEqual(reported, ['default_transaction_read_only\0off\0']);
  for (const parameters of [{ default_transaction_read_only: 'off' }, { options: '-c default_transaction_read_only=off' },
    { options: '--default-transaction-read-only=0' }, { transaction_read_only: 'off' }]) {
    const other = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
    other.send(front.startup({ user: 'app', database: pg.database, ...parameters }));
    await other.ended();
    assert.deepEqual(codes(other.messages), ['ZC001'], JSON.stringify(parameters));
  }
  const r = await run('psql', ['-XAtq', `host=127.0.0.1 port=${g.port} user=app dbname=${pg.database} target_session_attrs=read-write`, '-c', WRITE, '-c', READS]);
  assert.equal(r.out, '20\n');
});

test('a role whose setting says read-write is still behind the wall', async (scope) => {
  await pg.sql('ALTER ROLE bo SET default_transaction_read_only = off');
  scope.defer(() => pg.sql('ALTER ROLE bo RESET default_transaction_read_only'));
  const { g } = await start(scope);
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'bo', database: pg.database });
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
});

test('pipelines: no read slips out through what stands before it on the wire', async (scope) => {
  const { c } = await start(scope);
  const end = async (n) => {
    const from = c.messages.length;
    await c.until(() => c.messages.slice(from).filter((m) => m.type === 'Z').length === n, `${n} answers`);
    return c.messages.slice(from);
  };
  const leak = run1('SELECT * FROM leak');
  for (const before of [run1('SELECT * FROM flips'), run1(WRITE), run1('BEGIN; COMMIT')]) {
    c.send(...before, sync(), ...leak, sync(), ...leak, sync());
    const got = await end(3);
    assert.ok(codes(got).filter((x) => x === '25006').length === 2, codes(got).join());
  }
  c.send(query('SELECT * FROM flips'), query('SELECT * FROM leak'), query(WRITE), query('SELECT * FROM leak'));
  assert.deepEqual(codes(await end(4)), ['25006', '25006']);
  c.send(...run1(READS), ...run1(WRITE), sync());
  assert.deepEqual(tags(await end(1)), ['SELECT 1', 'INSERT 0 1'], 'a read, then a write in one segment');
  c.send(...run1(WRITE), ...leak, sync());
  assert.deepEqual(codes(await end(1)), ['25006'], 'a write, then a read in one segment');
  c.send(...run1('BEGIN'), ...run1(READS), ...run1(WRITE), ...run1(READS), ...run1('COMMIT'), sync());
  assert.deepEqual(tags(await end(1)), ['BEGIN', 'SELECT 1', 'INSERT 0 1', 'SELECT 1', 'COMMIT']);
  c.send(...run1('BEGIN'), ...run1(WRITE), ...leak, ...run1('COMMIT'), sync());
  assert.deepEqual(codes(await end(1)), ['25006']);
  await c.ask(query('ROLLBACK'));
  c.send(...run1('BEGIN'), sync(), ...run1('SELECT 1/0'), sync(), ...run1('ROLLBACK'), sync(), ...leak, sync());
  assert.deepEqual(codes(await end(4)), ['22012', '25006']);
  c.send(query('BEGIN'), query('SAVEPOINT a'), query('SELECT 1/0'), query('ROLLBACK TO a'), query('SELECT * FROM leak'), query('ROLLBACK'));
  assert.deepEqual(codes(await end(6)), ['22012', '25006']);
  c.send(...Array.from({ length: 50 }, () => [...run1(WRITE), sync()]).flat());
  assert.deepEqual(codes(await end(50)), []);
  assert.equal(await pg.count(), 20);
});

test('a write that fails, is cancelled or is rolled back leaves the wall standing', async (scope) => {
  const { c } = await start(scope);
  assert.deepEqual(codes(await c.ask(query('INSERT INTO orders VALUES (1)'))), ['23505']);
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
  await c.ask(query(`BEGIN; ${WRITE}`));
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
  await c.ask(query('ROLLBACK'));
  assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
  assert.deepEqual(codes(await c.ask(query('SET statement_timeout = 2'))), []);
  for (let i = 0; i < 20; i++) await c.ask(query('INSERT INTO notes SELECT g, pg_sleep(1)::text FROM generate_series(1, 9) g'));
  for (let i = 0; i < 20; i++) await c.ask(query('SELECT * FROM leak'));
  assert.equal(await pg.count(), 20);
});

test('a client\'s own wish for a read-only session is kept, and can be taken back', async (scope) => {
  const { c } = await start(scope);
  for (const [on, off] of [['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE'],
    ['SET default_transaction_read_only = on', 'SET default_transaction_read_only = off']]) {
    assert.deepEqual(codes(await c.ask(query(on))), []);
    assert.deepEqual(codes(await c.ask(query(WRITE))), ['25006']);
    assert.deepEqual(codes(await c.ask(query(off))), []);
    assert.deepEqual(codes(await c.ask(query('SELECT * FROM leak'))), ['25006']);
    assert.deepEqual(codes(await c.ask(query(WRITE))), []);
  }
  assert.equal(await pg.count(), 20);
});

test('a held write that is approved runs through the wall', async (scope) => {
  const { g, c } = await start(scope, { guardrails: GUARDRAILS });
  for (const parts of [[query("DELETE FROM orders WHERE id = 1")], [...run1('DELETE FROM orders WHERE id = 2'), sync()]]) {
    const answer = c.ask(...parts);
    const { id } = await g.pending();
    await g.approve(id);
    assert.deepEqual(tags(await answer), ['DELETE 1']);
  }
  assert.equal(await pg.count(), 18);
});

test('node-postgres, psycopg and a pool that discards all work as before', async (scope) => {
  const { g } = await start(scope);
  const n = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  assert.equal((await n.query('SELECT count(*)::int AS n FROM orders WHERE id > $1', [0])).rows[0].n, 20);
  await n.query('BEGIN');
  await n.query('SELECT * FROM orders WHERE id = $1 FOR UPDATE', [1]);
  await n.query('UPDATE orders SET total = $1 WHERE id = $2', [5, 1]);
  await n.query('SELECT count(*) FROM orders');
  await n.query('COMMIT');
  await n.query('DISCARD ALL');
  assert.equal((await refused(n.query('SELECT * FROM leak'))).code, '25006');
  assert.equal((await n.query('UPDATE orders SET total = $1 WHERE id = $2 RETURNING id', [6, 1])).rowCount, 1);
  const r = psycopg({ host: '127.0.0.1', port: g.port, user: 'app', dbname: pg.database }, `
with psycopg.connect(dsn) as c:
    c.execute("SELECT 1"); c.execute("INSERT INTO notes (body) VALUES (%s)", ("a",)); print(c.execute("SELECT count(*) FROM notes").fetchone()[0])
with psycopg.connect(dsn, autocommit=True) as c:
    with c.pipeline():
        a = c.execute("SELECT 1"); c.execute("INSERT INTO notes (body) VALUES ('b')"); b = c.execute("SELECT count(*) FROM notes")
    print(b.fetchone()[0])
    cur = c.cursor(); cur.executemany("INSERT INTO notes (body) VALUES (%s)", [("c",), ("d",)]); print(cur.rowcount)
`);
  const { out, err } = await r;
  assert.equal(out.trim(), '1\n2\n2', err);
});

// Text and wall together: what the text shows to be more than a read is denied here, all else runs.
const ONLY_READS = `guardrails:
  - name: only-reads
    on: sql
    when: "sql.may_write || !sql.classes.all(c, c in ['read', 'session', 'transaction', 'multi'])"
    then: deny
`;

const FINGERPRINT = `SELECT (SELECT jsonb_object_agg(c.relname, query_to_xml('SELECT * FROM ' || c.oid::regclass || ' ORDER BY 1', true, true, '')::text)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'))::text
  || (SELECT jsonb_agg(x)::text FROM (SELECT oid, relacl::text, relowner, relrowsecurity FROM pg_class WHERE relkind <> 't' AND relpersistence = 'p' ORDER BY 1) x)
  || (SELECT jsonb_agg(x)::text FROM (SELECT oid, proowner, proacl::text, md5(prosrc) FROM pg_proc ORDER BY 1) x)
  || (SELECT jsonb_agg(x)::text FROM (SELECT oid, rolsuper, rolcanlogin, md5(rolpassword) FROM pg_authid ORDER BY 1) x)
  || (SELECT count(*)::text FROM pg_largeobject) || (SELECT count(*)::text FROM pg_replication_slots) || (SELECT count(*)::text FROM pg_auth_members)
  || (SELECT md5(string_agg(name || ':' || coalesce(setting, ''), ',')) FROM pg_file_settings) || (SELECT md5(string_agg(setconfig::text, ',')) FROM pg_db_role_setting) AS f`;

const lasting = (effects) => effects.some((e) => !/^(session:|advisory_lock|notify|killed)/.test(e));

test('the text and the wall together miss nothing of the corpus', async (scope) => {
  const records = readFileSync(join(ROOT, 'tests/conformance/sql/postgres.jsonl'), 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
  const own = await Postgres.start();
  await own.sql(readFileSync(join(ROOT, 'tests/conformance/sql/base_schema.sql'), 'utf8')).catch(() => {});
  const g = await Gateway.start(scope, { upstream: own.upstream, guardrails: ONLY_READS, resource: WALL });
  const admin = await nodeClient(scope, { host: '127.0.0.1', port: own.port, user: 'postgres', database: own.database });
  const fingerprint = async () => (await admin.query(FINGERPRINT)).rows[0].f;
  assert.ok(await own.count('accounts') > 0, 'the schema is there');
  let judged = 0;
  for (const r of records) {
    const texts = r.statements ?? (r.sql ? [r.sql] : []);
    if (texts.length === 0 || !lasting(r.verified.observed_effects ?? []) || texts.some((t) => /@PAD|@INLIST|@PAREN/.test(t)) || r.startup_params?.replication) continue;
    for (const s of r.setup ?? []) await admin.query(s).catch(() => {});
    const before = await fingerprint();
    const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
    c.send(front.startup({ user: r.role ?? 'postgres', database: own.database, ...(r.startup_params ?? {}) }));
    await c.until(() => c.closed || c.messages.some((m) => m.type === 'Z'), 'a session');
    for (const t of texts) {
      const from = c.messages.length;
      if (!c.closed) c.send(query(t.replaceAll('PORT', own.port).replaceAll('DB', own.database)));
      await c.until(() => c.closed || c.messages.slice(from).some((m) => m.type === 'Z'), r.id);
    }
    c.destroy();
    assert.equal(await fingerprint(), before, r.id);
    judged++;
  }
  assert.ok(judged > 80, `${judged} records with lasting effects`);
});
