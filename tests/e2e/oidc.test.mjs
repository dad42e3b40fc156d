// `countersign login` with the certified oidc-provider: who somebody is, when keys rotate, clocks are off,
// tokens are over and the provider is away.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, tempDir, test, until } from '../lib/harness.mjs';
import { Idp } from '../lib/idp.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const ACCOUNTS = {
  u1: { preferred_username: 'bo', groups: ['dba'], email: 'bo@example.com', email_verified: true },
  u2: { preferred_username: 'dora', groups: ['dba', 'wheel'], email: 'bo@example.com', email_verified: false },
  u3: { preferred_username: 'nobody' },
};
const start = async (scope, { lines = '', accounts = ACCOUNTS, top = '', env = {}, ...options } = {}) => {
  const idp = await Idp.start(scope, { accounts: structuredClone(accounts), ...options });
  const g = await Gateway.start(scope, { upstream: pg.upstream, api: true, env,
    top: `${top}\noidc:\n  issuer: ${idp.issuer}\n  client_id: countersign\n  name_claim: preferred_username\n${lines}` });
  return { g, idp };
};

// `countersign login` as a person uses it; `browse` is given the address it prints.
const login = async (scope, g, browse, { home = tempDir(scope), args = ['--print'] } = {}) => {
  const p = spawn(BINARY, ['login', ...args], { env: { PATH: process.env.PATH, HOME: home, COUNTERSIGN_URL: `http://127.0.0.1:${g.apiPort}` } });
  const said = { out: '', err: '', home };
  p.stdout.on('data', (d) => { said.out += d; });
  p.stderr.on('data', (d) => { said.err += d; });
  scope.defer(() => p.kill('SIGKILL'));
  const ended = new Promise((done) => { p.on('close', done); });
  let over = false;
  ended.then(() => { over = true; });
  await until(() => over || /^ {2}http\S+/m.test(said.err), () => `the address; it said: ${said.err}`);
  const url = /^ {2}(http\S+)/m.exec(said.err)?.[1];
  if (url) await browse(url);
  said.status = await ended;
  return said;
};
const as = (idp, account) => async (url) => { assert.equal((await fetch(await idp.logIn(url, account))).status, 200); };
const whoami = async (g, token) => (await g.http('GET', '/v1/whoami', { token: token.trim() })).json;

test('countersign login: authorization code with PKCE over a loopback address, the token is kept and used', async (scope) => {
  const { g, idp } = await start(scope);
  let address;
  const r = await login(scope, g, async (url) => { address = new URL(url); await as(idp, 'u1')(url); }, { args: [] });
  assert.equal(r.status, 0, r.err);
  assert.equal(address.searchParams.get('code_challenge_method'), 'S256');
  assert.match(address.searchParams.get('code_challenge'), /^[\w-]{43}$/);
  assert.ok(address.searchParams.get('state').length >= 43 && address.searchParams.get('nonce').length >= 43);
  assert.match(r.err, /logged in as bo/);
  const file = join(r.home, '.config/countersign/tokens.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const kept = Object.values(JSON.parse(readFileSync(file, 'utf8')))[0];
  const me = await whoami(g, kept);
  assert.deepEqual([me.person, me.groups, me.scopes], ['bo', ['dba', 'leads'], ['act', 'approve']]);
  // Every other command uses it.
  const { run } = await import('../lib/harness.mjs');
  const env = { PATH: process.env.PATH, HOME: r.home, COUNTERSIGN_URL: `http://127.0.0.1:${g.apiPort}` };
  assert.equal((await run(BINARY, ['requests'], { env })).status, 0);
  const record = g.auditText().trim().split('\n').map((l) => JSON.parse(l)).findLast((x) => x.kind === 'token_created');
  assert.deepEqual([record.data.person, record.data.via], ['bo', 'oidc']);
});

test('ES256, EdDSA and a client secret; an answer for another login is not taken', async (scope) => {
  for (const [algorithm, secret] of [['ES256'], ['EdDSA'], ['RS256', 's%cret&with+signs:and=more']]) {
    const { g, idp } = await start(scope, { algorithm, secret, lines: secret ? '  client_secret: { env: OIDC_SECRET }\n' : '', env: secret ? { OIDC_SECRET: secret } : {} });
    const r = await login(scope, g, as(idp, 'u1'));
    assert.equal(r.status, 0, `${algorithm}: ${r.err}`);
    assert.equal((await whoami(g, r.out)).person, 'bo');
    const forged = await login(scope, g, async (url) => {
      const back = new URL(await idp.logIn(url, 'u1'));
      back.searchParams.set('state', 'x'.repeat(64));
      await fetch(back);
    });
    assert.equal(forged.status, 1);
    assert.match(forged.err, /another login/);
  }
});

test('who is nobody here does not get in, and an address that was not verified is nobody', async (scope) => {
  const { g, idp } = await start(scope);
  const r = await login(scope, g, as(idp, 'u3'));
  assert.equal(r.status, 1);
  assert.match(r.err, /nobody is configured for this account of the identity provider: nobody/);
  const h = await start(scope, { lines: '', top: 'people_file: people.yaml', accounts: ACCOUNTS });
  h.g.writeConfig({ top: h.g.settings.top.replace('preferred_username', 'email') });
  h.g.process.kill('SIGHUP');
  await until(() => /loaded again/.test(h.g.log), 'the reload');
  const unverified = await login(scope, h.g, as(h.idp, 'u2'));
  assert.equal(unverified.status, 1);
  assert.match(unverified.err, /has not verified/);
});

test('groups come from claims, those that are named, and follow them at the next login', async (scope) => {
  const { g, idp } = await start(scope, { top: 'people_file: people.yaml', lines: '  add_people: true\n  groups_claim: groups\n  groups: [dba, leads]\n' });
  const first = await login(scope, g, as(idp, 'u2'));
  assert.equal(first.status, 0, first.err);
  assert.deepEqual((await whoami(g, first.out)).groups, ['dba']); // not wheel
  // At once everywhere: she may decide what bo, in the same group, may.
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const held = client.query('DELETE FROM orders WHERE id = 1');
  const { id } = await g.pending();
  assert.equal((await g.cli(['approve', String(id), '--yes'], { token: first.out.trim() })).status, 0);
  assert.equal((await held).rowCount, 1);
  idp.accounts.u2.groups = ['leads'];
  const second = await login(scope, g, as(idp, 'u2'));
  assert.deepEqual((await whoami(g, second.out)).groups, ['leads']);
  assert.deepEqual((await whoami(g, first.out)).groups, ['leads']); // the old token is the same person's
  // Who stands in countersign.yaml has the groups that it says.
  const bo = await login(scope, g, as(idp, 'u1'));
  assert.deepEqual((await whoami(g, bo.out)).groups, ['dba', 'leads']);
  assert.ok(g.auditText().includes('"person_regrouped"'));
});

test('keys rotate: the new ones are fetched, not at every token, and the old ones are worth nothing', async (scope) => {
  const { g, idp } = await start(scope);
  assert.equal((await login(scope, g, as(idp, 'u1'))).status, 0);
  assert.equal((await login(scope, g, as(idp, 'u1'))).status, 0);
  assert.equal(idp.asked.keys, 1);
  await new Promise((done) => { setTimeout(done, 5100); });
  idp.rotate('ES256');
  const r = await login(scope, g, as(idp, 'u1'));
  assert.equal(r.status, 0, r.err);
  assert.equal(idp.asked.keys, 2);
  idp.rotate('RS256'); // again, and too soon: no key set is asked for every few seconds because somebody wants it
  const soon = await login(scope, g, as(idp, 'u1'));
  assert.equal(soon.status, 1);
  assert.match(soon.err, /does not publish/);
  assert.equal(idp.asked.keys, 2);
});

test('clocks may differ by a minute; a token of the future, or one that is over, is refused', async (scope) => {
  const { g, idp } = await start(scope);
  const real = Date.now;
  scope.defer(() => { Date.now = real; });
  const shifted = (seconds) => async (url) => {
    Date.now = () => real() + seconds * 1000; // the provider's clock
    await fetch(await idp.logIn(url, 'u1'));
    await new Promise((done) => { setTimeout(done, 600); });
    Date.now = real;
  };
  assert.equal((await login(scope, g, shifted(40))).status, 0);
  const early = await login(scope, g, shifted(90));
  assert.equal(early.status, 1);
  assert.match(early.err, /token is not taken: .*(future|not yet|early)/);
  // An ID token lives an hour.
  const late = await login(scope, g, shifted(-2 * 3600));
  assert.equal(late.status, 1);
  assert.match(late.err, /token is not taken: expired/);
});

test('a provider that is away is said, and local tokens work all the same', async (scope) => {
  const { g, idp } = await start(scope);
  await idp.stop();
  const r = await login(scope, g, () => assert.fail('there is nothing to open'));
  assert.equal(r.status, 1);
  assert.match(r.err, /identity provider cannot be reached: 127.0.0.1/);
  assert.match(r.err, /tokens of the gateway's own work/);
  const key = (await g.cli(['user', 'token', 'bo'])).out.trim();
  assert.equal((await whoami(g, key)).person, 'bo');
  await idp.listen();
  assert.equal((await login(scope, g, as(idp, 'u1'))).status, 0); // and when it is back
});

test('a gateway without a provider says so, and so does one whose provider is another', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, api: true });
  const r = await login(scope, g, () => {});
  assert.equal(r.status, 1);
  assert.match(r.err, /no identity provider/);
  const { g: h, idp } = await start(scope);
  h.writeConfig({ top: h.settings.top.replace(idp.issuer, `${idp.issuer}/other`) });
  h.process.kill('SIGHUP');
  await until(() => /loaded again/.test(h.log), 'the reload');
  const wrong = await login(scope, h, () => {});
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /identity provider/);
});

test('a page logs in by cookie: no script reads it, no other site can use it, and logging out ends it', async (scope) => {
  const { g, idp } = await start(scope);
  const base = `http://127.0.0.1:${g.apiPort}`;
  g.writeConfig({ top: `api_url: ${base}\n${g.settings.top}` });
  g.process.kill('SIGHUP');
  await until(() => /loaded again/.test(g.log), 'the reload');
  const jar = new Map();
  const call = async (path, { method = 'GET', origin, cookies = jar } = {}) => {
    const r = await fetch(new URL(path, base), { method, redirect: 'manual', headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; '), ...(origin ? { origin } : {}) } });
    for (const c of r.headers.getSetCookie()) {
      assert.match(c, /; HttpOnly/);
      jar.set(...c.split(';')[0].split('='));
      if (c.startsWith('countersign_session')) assert.match(c, /SameSite=Strict/);
    }
    return r;
  };
  assert.equal((await call('/v1/login')).status, 303);
  const toProvider = await until(async () => { const r = await call('/v1/callback'); return r.status === 303 && r.headers.get('location'); }, 'the way to the provider');
  const back = await idp.logIn(toProvider, 'u1');
  assert.equal((await call(back, { cookies: new Map() })).status, 403); // another browser
  await until(async () => { await call(jar.get('countersign_login') ? back : '/'); return jar.get('countersign_session'); }, 'the session');
  const me = await (await call('/v1/whoami')).json();
  assert.deepEqual([me.person, me.via], ['bo', 'page']);
  // Not for another site, nor for what says nothing of where it comes from.
  assert.equal((await call('/v1/logout', { method: 'POST', origin: 'https://evil.example' })).status, 403);
  assert.equal((await call('/v1/logout', { method: 'POST' })).status, 403);
  const session = new Map(jar);
  assert.equal((await call('/v1/logout', { method: 'POST', origin: base })).status, 204);
  assert.equal(jar.get('countersign_session'), '');
  assert.equal((await call('/v1/whoami', { cookies: session })).status, 401);
  // A second use of the same answer is nothing.
  assert.equal((await call(back)).status, 403);
});
