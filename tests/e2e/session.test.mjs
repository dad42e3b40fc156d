// A session through the gateway is the session PostgreSQL gives: accounts, settings, cancel, COPY,
// notifications, large values, TLS.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, pg as node, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { ROOT, run, sleep, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';
import { RawClient, front } from '../lib/pgwire.mjs';

const pg = await Postgres.start();
const gateway = (scope, options) => Gateway.start(scope, { upstream: pg.upstream, ...options });
const connect = (scope, g, more = {}) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database, ...more });
const psql = (dsn, sql, options) => run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', dsn, '-c', sql], { env: { PGPASSWORD: 'secret' }, ...options });
const dsn = (g, more = '') => `host=127.0.0.1 port=${g.port} dbname=${pg.database} ${more}`;

for (const [user, method] of [['scram_user', 'SCRAM-SHA-256'], ['md5_user', 'md5'], ['password_user', 'password']]) {
  test(`an account with ${method} logs in through the gateway with its own password, and not with another`, async (scope) => {
    const g = await gateway(scope);
    const good = await psql(dsn(g, `user=${user}`), 'SELECT session_user');
    assert.equal(good.out.trim(), user, good.err);
    const bad = await psql(dsn(g, `user=${user}`), 'SELECT 1', { env: { PGPASSWORD: 'wrong' } });
    assert.equal(bad.status, 2);
    assert.match(bad.err, /password authentication failed/);
  });
}

test('the client is told the real process id of its backend', async (scope) => {
  const client = await connect(scope, await gateway(scope));
  assert.equal((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid, client.processID);
});

test('start-up settings and options reach the server', async (scope) => {
  const g = await gateway(scope);
  const r = await run('psql', ['-XAtq', dsn(g, "user=app application_name=named options='-c statement_timeout=7s -c search_path=pg_catalog'"),
    '-c', "SELECT current_setting('statement_timeout'), current_setting('search_path'), current_setting('application_name'), current_setting('DateStyle')"],
    { env: { PGDATESTYLE: 'German' } });
  assert.equal(r.out.trim(), '7s|pg_catalog|named|German, DMY', r.err);
});

test('two clients are two server sessions, and the session ends with its client', async (scope) => {
  const g = await gateway(scope);
  const [a, b] = [await connect(scope, g), await connect(scope, g)];
  const pids = [a, b].map((c) => c.processID);
  assert.notEqual(pids[0], pids[1]);
  await a.query("SET application_name = 'only a'");
  assert.notEqual((await b.query('SHOW application_name')).rows[0].application_name, 'only a');
  await a.end();
  await until(async () => await pg.sql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pids[0]}`) === '0', 'the server session to end');
});

test('notifications arrive while a statement is held', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const heard = [];
  client.on('notification', (n) => heard.push(n.payload));
  await client.query('LISTEN news');
  const held = refused(client.query('DELETE FROM orders WHERE id = 1'));
  const { id } = await g.pending();
  await pg.sql("NOTIFY news, 'while held'");
  await until(() => heard.includes('while held'), 'the notification');
  await g.reject(id, 'x');
  await held;
});

test('COPY goes both ways', async (scope) => {
  const g = await gateway(scope);
  const rows = Array.from({ length: 20000 }, (_, i) => `${i}\tline ${i}\n`).join('');
  const copyIn = await run('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', dsn(g, 'user=app'), '-c', 'CREATE TABLE copied (id int, t text)',
    '-c', '\\copy copied FROM STDIN'], { input: rows });
  assert.equal(copyIn.status, 0, copyIn.err);
  const out = await run('psql', ['-Xq', dsn(g, 'user=app'), '-c', '\\copy (SELECT * FROM copied ORDER BY id) TO STDOUT']);
  assert.equal(out.out, rows);
  const failed = await run('psql', ['-Xq', dsn(g, 'user=app'), '-c', '\\copy copied FROM STDIN'], { input: 'not a number\tx\n' });
  assert.match(failed.err, /invalid input syntax for type integer/);
});

test('a held COPY FROM STDIN takes its data only after the approval', async (scope) => {
  const g = await gateway(scope);
  const done = run('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', dsn(g, 'user=app'), '-c', '\\copy orders FROM STDIN'], { input: '900\tcopied\t1\n901\tcopied\t2\n' });
  const { id } = await g.pending();
  await sleep(200);
  assert.equal(await pg.sql('SELECT count(*) FROM orders WHERE id >= 900'), '0');
  await g.approve(id);
  const r = await done;
  assert.equal(r.status, 0, r.err);
  assert.equal(await pg.sql('SELECT count(*) FROM orders WHERE id >= 900'), '2');
});

const residentKib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

test('a row of 200 MB streams through with flat memory', async (scope) => {
  const g = await gateway(scope);
  const [worker] = g.children().worker;
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  const before = residentKib(worker);
  let received = 0;
  let highest = 0;
  c.socket.removeAllListeners('data');
  await new Promise((done) => {
    let tail = Buffer.alloc(0);
    c.socket.on('data', (d) => {
      received += d.length;
      highest = Math.max(highest, residentKib(worker));
      tail = Buffer.concat([tail, d]).subarray(-6);
      if (tail.toString('latin1') === 'Z\0\0\0\x05I') done();
    });
    c.send(front.query("SELECT repeat('x', 200 * 1000 * 1000)"));
  });
  assert.ok(received > 200e6, `${received} bytes`);
  assert.ok(highest - before < 16 * 1024, `grew by ${highest - before} KiB`);
});

test('a client that does not read its result makes the gateway wait, not grow', async (scope) => {
  const g = await gateway(scope);
  const [worker] = g.children().worker;
  const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
  scope.defer(() => c.destroy());
  await c.startup({ user: 'app', database: pg.database });
  const before = residentKib(worker);
  c.socket.pause();
  c.send(front.query("SELECT repeat('y', 1000) FROM generate_series(1, 200000)"));
  await sleep(2000);
  assert.ok(residentKib(worker) - before < 16 * 1024, `grew by ${residentKib(worker) - before} KiB`);
  const other = await connect(scope, g);
  assert.equal((await other.query('SELECT 1 AS x')).rows[0].x, 1);
});

test('a parameter of 20 MB and a text of 10 MB go through, whole', async (scope) => {
  const client = await connect(scope, await gateway(scope));
  assert.equal((await client.query('SELECT length($1::text) AS n', ['z'.repeat(20e6)])).rows[0].n, 20e6);
  assert.equal((await client.query(`SELECT length('${'z'.repeat(10e6)}') AS n`)).rows[0].n, 10e6);
});

test('a cancel request reaches exactly its own session, also when another worker receives it', async (scope) => {
  const g = await gateway(scope, { workers: 3 });
  const clients = await Promise.all(Array.from({ length: 6 }, () => connect(scope, g)));
  const sleeping = clients.map((c) => c.query('SELECT pg_sleep(2)').then(() => 'finished', (e) => e.code));
  await until(async () => Number(await pg.sql(`SELECT count(*) FROM pg_stat_activity WHERE datname = '${pg.database}' AND query = 'SELECT pg_sleep(2)' AND state = 'active'`)) === 6, 'six sleepers');
  const victim = clients[3];
  for (let i = 0; i < 8; i += 1) { // over several connections, so over several workers
    const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
    c.send(front.cancel(victim.processID, victim.secretKey >>> 0));
    await c.ended();
    assert.equal(c.messages.length, 0);
  }
  assert.deepEqual(await Promise.all(sleeping), ['finished', 'finished', 'finished', '57014', 'finished', 'finished']);
});

test('a cancel request with the right process id and a wrong secret does nothing', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const sleeping = client.query('SELECT pg_sleep(1)');
  await sleep(200);
  for (const secret of [0, 1, (client.secretKey + 1) >>> 0]) {
    const c = await RawClient.connect({ port: g.port, host: '127.0.0.1' });
    c.send(front.cancel(client.processID, secret));
    await c.ended();
  }
  await sleeping;
});

test('the secret a client gets is not the one the server gave', async (scope) => {
  const g = await gateway(scope);
  const client = await connect(scope, g);
  const sleeping = client.query('SELECT pg_sleep(1)');
  await sleep(200);
  const direct = await RawClient.connect({ port: pg.port, host: '127.0.0.1' });
  direct.send(front.cancel(client.processID, client.secretKey >>> 0));
  await direct.ended();
  await sleeping;
});

const tls = (certificate, mode) => `client_tls: ${mode}\ntls_cert: ${certificate.cert}\ntls_key: ${certificate.key}`;
async function makeCertificate(scope) {
  const dir = tempDir(scope);
  const r = await run('bash', ['-c', '. scripts/lib.sh; make_certificates "$1"', 'lib', dir], { cwd: ROOT });
  assert.equal(r.status, 0, r.err);
  return { cert: join(dir, 'server.crt'), key: join(dir, 'server.key'), ca: join(dir, 'ca.crt') };
}

test('TLS from the client: offered, verified by the client, and required where the file says so', async (scope) => {
  const c = await makeCertificate(scope);
  const offered = await gateway(scope, { resource: tls(c, 'allow') });
  const verified = await psql(dsn(offered, `user=app sslmode=verify-full sslrootcert=${c.ca}`).replace('host=127.0.0.1', 'host=localhost hostaddr=127.0.0.1'), 'SELECT 1');
  assert.equal(verified.out.trim(), '1', verified.err);
  assert.equal((await psql(dsn(offered, 'user=app sslmode=disable'), 'SELECT 2')).out.trim(), '2');
  const required = await gateway(scope, { resource: tls(c, 'require') });
  assert.equal((await psql(dsn(required, 'user=app sslmode=require'), 'SELECT 3')).out.trim(), '3');
  const plain = await psql(dsn(required, 'user=app sslmode=disable'), 'SELECT 4');
  assert.equal(plain.status, 2);
  assert.match(plain.err, /TLS|SSL|encrypt/i);
});

test('a held statement over TLS waits, and runs once approved', async (scope) => {
  const g = await gateway(scope, { resource: tls(await makeCertificate(scope), 'require') });
  const held = psql(dsn(g, 'user=app sslmode=require'), "UPDATE orders SET status = 'tls' WHERE id = 2 RETURNING status");
  await g.approve((await g.pending()).id);
  assert.equal((await held).out.trim(), 'tls');
});

test('TLS to the server: required, verified against a CA, and refused where the CA is another', async (scope) => {
  const sslOf = (g) => psql(dsn(g, 'user=tls_user'), 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  assert.equal((await sslOf(await gateway(scope, { resource: 'upstream_tls: require' }))).out.trim(), 't');
  assert.equal((await sslOf(await gateway(scope, { resource: `upstream_tls: verify-full\nupstream_ca: ${pg.ca}` }))).out.trim(), 't');
  const other = await makeCertificate(scope);
  const wrong = await sslOf(await gateway(scope, { resource: `upstream_tls: verify-full\nupstream_ca: ${other.ca}` }));
  assert.equal(wrong.status, 2);
  assert.match(wrong.err, /certificate/i);
});

test('a server on its unix socket is reached, and clients come over ours', async (scope) => {
  const dir = tempDir(scope);
  const g = await gateway(scope, { upstream: { unix: join(pg.dir, `.s.PGSQL.${pg.port}`) }, listen: [`"unix:${dir}/.s.PGSQL.6000"`] });
  assert.equal((await psql(dsn(g, 'user=app'), 'SELECT inet_server_addr() IS NULL')).out.trim(), 't');
  assert.equal((await psql(`host=${dir} port=6000 user=app dbname=${pg.database}`, 'SELECT 5')).out.trim(), '5');
});

test('a replication connection is refused with a clear error unless the resource allows it', async (scope) => {
  const closed = await gateway(scope);
  const r = await psql(dsn(closed, 'user=postgres replication=database'), 'IDENTIFY_SYSTEM');
  assert.equal(r.status, 2);
  assert.match(r.err, /replication/i);
  const open = await gateway(scope, { resource: 'allow_replication: true' });
  const ok = await psql(dsn(open, 'user=postgres replication=database'), 'IDENTIFY_SYSTEM');
  assert.equal(ok.status, 0, ok.err);
});

test('a hundred clients come and go and nothing of them is left', async (scope) => {
  const g = await gateway(scope, { workers: 2 });
  for (let round = 0; round < 4; round += 1) {
    const clients = await Promise.all(Array.from({ length: 40 }, async () => {
      const c = new node.Client({ host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
      await c.connect();
      return c;
    }));
    const values = await Promise.all(clients.map((c, i) => c.query('SELECT $1::int AS v', [i])));
    values.forEach((v, i) => assert.equal(v.rows[0].v, i));
    await Promise.all(clients.map((c) => c.end()));
  }
  await until(async () => await pg.sql(`SELECT count(*) FROM pg_stat_activity WHERE datname = '${pg.database}' AND usename = 'app'`) === '0', 'all server sessions to end');
});

test('SIGTERM lets an open transaction finish and ends idle sessions with 57P01', async (scope) => {
  const g = await gateway(scope);
  const [idle, busy] = [await connect(scope, g), await connect(scope, g)];
  const said = new Promise((done) => { idle.on('error', (e) => done(e.code ?? e.message)); });
  await busy.query('BEGIN');
  await busy.query("INSERT INTO notes (body) VALUES ('before the end')");
  g.process.kill('SIGTERM');
  assert.match(await said, /57P01|terminated/);
  await busy.query('COMMIT');
  await g.exited;
  assert.equal(await pg.sql("SELECT count(*) FROM notes WHERE body = 'before the end'"), '1');
});
