// `login: gateway`: people log in with a token or a certificate, and never see the database's password.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, pg as driver, psycopg, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
await pg.sql('GRANT ana TO scram_user; GRANT bo TO scram_user');

const start = async (scope, { lines = 'upstream_user: scram_user\nupstream_password: { env: SHOP_PASSWORD }', env = { SHOP_PASSWORD: 'secret' }, ...options } = {}) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, api: true, resource: `login: gateway\n${lines}`, env, ...options });
  return g;
};
const token = async (g, person, ...more) => {
  const r = await g.cli(['user', 'token', person, ...more]);
  assert.equal(r.status, 0, r.err);
  return r.out.trim();
};
const psql = (g, user, password, sql = 'SELECT session_user, current_user', more = '') =>
  run('psql', ['-XAtq', '-v', 'VERBOSITY=verbose', `host=127.0.0.1 port=${g.port} user=${user} dbname=${pg.database} ${more}`, '-c', sql], { env: { ...process.env, PGPASSWORD: password } });
const records = (g, kind) => g.auditText().trim().split('\n').map((l) => JSON.parse(l)).filter((r) => r.kind === kind);

test('a token is the password: psql, node-postgres and psycopg reach the database as the gateway\'s account', async (scope) => {
  const g = await start(scope);
  const key = await token(g, 'ana');
  const r = await psql(g, 'ana', key);
  assert.equal(r.status, 0, r.err);
  assert.equal(r.out.trim(), 'scram_user|scram_user');
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'ana', password: key, database: pg.database });
  assert.deepEqual((await client.query('SELECT session_user::text AS u')).rows, [{ u: 'scram_user' }]);
  // Held as ana, who cannot approve it; bo can, and she is told.
  const held = client.query('DELETE FROM orders WHERE id = 1');
  const { id } = await g.pending();
  const shown = await g.show(id);
  assert.deepEqual([shown.subject, shown.person, shown.action.session.login, shown.action.session.account], ['ana', 'ana', 'ana', 'scram_user']);
  assert.equal((await g.cli(['approve', String(id)])).status, 1);
  assert.equal((await g.cli(['approve', String(id)], { as: 'daemon' })).status, 0);
  assert.equal((await held).rowCount, 1);
  const py = await psycopg({ host: '127.0.0.1', port: g.port, user: 'ana', password: key, dbname: pg.database }, `
with psycopg.connect(dsn) as c:
    print(c.execute('SELECT session_user').fetchone()[0])
`);
  assert.equal(py.out.trim(), 'scram_user', py.err);
  const last = await until(() => { const all = records(g, 'login'); return all.length >= 3 && all.at(-1); }, 'the records of the logins');
  assert.deepEqual([last.data.person, last.data.resource, last.data.by], ['ana', 'shop', 'token']);
});

test('a wrong token, an unknown name, an approve-only, expired, revoked or disabled one: nobody gets in', async (scope) => {
  const g = await start(scope, { top: 'people_file: people.yaml' });
  const good = await token(g, 'ana');
  const wrong = async (user, password, pattern) => {
    const r = await psql(g, user, password);
    assert.notEqual(r.status, 0);
    assert.match(r.err, new RegExp(`FATAL:  password authentication failed for user "${user}"`));
    if (pattern) assert.match(r.err, pattern);
    else assert.doesNotMatch(r.err, /DETAIL/);
    if (user !== 'scram_user') assert.doesNotMatch(r.err, /scram_user|secret/);
  };
  await wrong('ana', `cs_${'0'.repeat(64)}`);
  await wrong('nobody', good);
  await wrong('bo', good);
  await wrong('scram_user', 'secret'); // the database's own account is nobody here
  await wrong('ana', await token(g, 'ana', '--scope', 'approve'));
  const brief = await token(g, 'ana', '--expires', '1s');
  await new Promise((done) => { setTimeout(done, 1100); });
  await wrong('ana', brief, /expired/);
  const gone = await token(g, 'ana');
  const list = JSON.parse((await g.cli(['user', 'token', '--list', '--json'])).out).tokens;
  await g.cli(['user', 'token', '--revoke', String(Math.max(...list.map((t) => t.id)))]);
  await wrong('ana', gone, /revoked/);
  await assert.rejects(nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'ana', password: 'x', database: pg.database }), { code: '28P01' });
  await until(() => records(g, 'login_refused').length >= 8, 'the records of the refusals');
  assert.equal(records(g, 'login').length, 0);
  await g.cli(['user', 'disable', 'ana']);
  assert.match((await psql(g, 'ana', good)).err, /disabled/);
  assert.equal((await g.cli(['user', 'enable', 'ana'])).status, 0); // root stays the operator
  await until(async () => (await psql(g, 'ana', good)).status === 0, 'ana to be let in again'); // workers hear of it
});

test('a wrong password of the gateway\'s own is said to the operator, not to the client', async (scope) => {
  const g = await start(scope, { env: { SHOP_PASSWORD: 'wrong' } });
  const r = await psql(g, 'ana', await token(g, 'ana'));
  assert.notEqual(r.status, 0);
  assert.match(r.err, /could not log in to the database of "shop"/);
  assert.doesNotMatch(r.err, /scram_user|wrong/);
  assert.match(g.log, /cannot log in to shop as "scram_user": password authentication failed/);
  assert.doesNotMatch(g.log, /"wrong"|SHOP_PASSWORD/);
});

test('the password comes from a file, read anew at each login, or from a command; SCRAM, MD5 and trust', async (scope) => {
  const dir = tempDir(scope);
  const file = join(dir, 'password');
  writeFileSync(file, 'wrong\n', { mode: 0o600 });
  const g = await start(scope, { lines: `upstream_user: md5_user\nupstream_password: { file: ${file} }` });
  const key = await token(g, 'ana');
  assert.notEqual((await psql(g, 'ana', key)).status, 0);
  writeFileSync(file, 'secret\n');
  assert.equal((await psql(g, 'ana', key)).out.trim(), 'md5_user|md5_user');

  const script = join(dir, 'print');
  writeFileSync(script, `#!/bin/sh\necho run >>${dir}/runs\nsleep 0.2\necho secret\n`);
  chmodSync(script, 0o755);
  const h = await start(scope, { lines: `upstream_user: scram_user\nupstream_password: { command: "${script}" }` });
  const other = await token(h, 'ana');
  const all = await Promise.all([1, 2, 3].map(() => psql(h, 'ana', other)));
  assert.deepEqual(all.map((r) => r.out.trim()), Array(3).fill('scram_user|scram_user'));
  assert.equal(readFileSync(join(dir, 'runs'), 'utf8'), 'run\n'); // once for all three

  const t = await start(scope, { lines: '' }); // trusted by the database, as the person
  assert.equal((await psql(t, 'bo', await token(t, 'bo'))).out.trim(), 'bo|bo');

  const f = await start(scope, { lines: 'upstream_user: scram_user\nupstream_password: { command: "exit 3" }' });
  const r = await psql(f, 'ana', await token(f, 'ana'));
  assert.match(r.err, /could not log in to the database/);
  assert.match(f.log, /the command for the password failed/);
});

test('the password goes over a verified TLS connection in clear, and over no other', async (scope) => {
  const lines = 'upstream_user: password_user\nupstream_password: { env: SHOP_PASSWORD }';
  const g = await start(scope, { lines });
  const r = await psql(g, 'ana', await token(g, 'ana'));
  assert.notEqual(r.status, 0);
  assert.match(g.log, /only gives over verified TLS/);
  const h = await start(scope, { lines: `${lines}\nupstream_tls: verify-full\nupstream_ca: ${pg.ca}` });
  const ok = await psql(h, 'ana', await token(h, 'ana'));
  assert.equal(ok.out.trim(), 'password_user|password_user', ok.err);
});

test('the database is told who it is, whatever the client says', async (scope) => {
  const g = await start(scope, { lines: 'upstream_user: scram_user\nupstream_password: { env: SHOP_PASSWORD }\ntell_database: [role, application_name]' });
  const key = await token(g, 'ana');
  const sql = "SELECT session_user, current_user, current_setting('application_name')";
  assert.equal((await psql(g, 'ana', key, sql, 'application_name=report')).out.trim(), 'scram_user|ana|ana (report)');
  assert.equal((await psql(g, 'ana', key, sql, "options='-c role=bo -c application_name=evil'")).out.trim(), 'scram_user|ana|ana (psql)');
  const client = new driver.Client({ host: '127.0.0.1', port: g.port, user: 'ana', password: key, database: pg.database });
  await client.connect();
  scope.defer(() => client.end().catch(() => {}));
  const held = refused(client.query('DELETE FROM orders WHERE id = 2'));
  const { id } = await g.pending();
  assert.equal((await g.show(id)).action.session.role, 'ana');
  await g.reject(id, 'x').catch(() => g.cli(['reject', String(id), '--reason', 'x'], { as: 'daemon' }));
  await held;
});

test('over TLS the login is bound to the connection, and a certificate of the configured CA is enough', async (scope) => {
  const dir = tempDir(scope);
  const sh = async (script) => { const r = await run('sh', ['-ec', script], { cwd: dir }); assert.equal(r.status, 0, r.err); };
  await sh(`openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=people' -keyout ca.key -out ca.crt 2>/dev/null
    for who in ana nobody; do
      openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout $who.key -out $who.csr 2>/dev/null
      openssl x509 -req -in $who.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out $who.crt 2>/dev/null
    done
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=ana' -keyout forged.key -out forged.crt 2>/dev/null
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=localhost' -addext 'subjectAltName=IP:127.0.0.1' -keyout server.key -out server.crt 2>/dev/null
    chmod 600 *.key; cp server.key gateway.key; chmod 600 gateway.key`);
  const lines = `upstream_user: scram_user\nupstream_password: { env: SHOP_PASSWORD }\ntls_cert: ${dir}/server.crt\ntls_key: ${dir}/gateway.key\nclient_ca: ${dir}/ca.crt`;
  const g = await start(scope, { lines });
  const key = await token(g, 'ana');
  const bound = await psql(g, 'ana', key, 'SELECT 1', `sslmode=verify-full sslrootcert=${dir}/server.crt channel_binding=require`);
  assert.equal(bound.status, 0, bound.err);
  const cert = (who) => `sslmode=require sslcert=${dir}/${who}.crt sslkey=${dir}/${who}.key`;
  const r = await psql(g, 'ana', '', 'SELECT session_user', cert('ana'));
  assert.equal(r.out.trim(), 'scram_user', r.err);
  await until(() => records(g, 'login').at(-1)?.data.by === 'certificate', 'the record of the login');
  assert.notEqual((await psql(g, 'bo', 'x', 'SELECT 1', cert('ana'))).status, 0);     // another's name
  assert.notEqual((await psql(g, 'ana', 'x', 'SELECT 1', cert('nobody'))).status, 0); // a certificate of nobody
  assert.notEqual((await psql(g, 'ana', '', 'SELECT 1', cert('forged'))).status, 0);  // another CA
});

test('what a login needs is checked when the configuration is read', async (scope) => {
  for (const [lines, pattern] of [
    ['login: client\nupstream_user: x', /login: gateway/],
    ['login: gateway\nupstream_password: { file: a, env: B }', /one way/],
    ['login: gateway\nclient_ca: ca.crt', /need TLS/],
    ['login: gateway\nallow_replication: true', /replication/],
    ['login: gateway\ntell_database: everything', /not one of role, application_name/],
  ]) {
    const g = await Gateway.start(scope, { upstream: pg.upstream, resource: lines, expectFailure: true });
    await g.exited;
    assert.match(g.log, pattern);
  }
});
