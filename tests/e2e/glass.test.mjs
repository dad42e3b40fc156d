// Break-glass: a second factor, a reason, everybody who was skipped, a review that falls due.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Psql, nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { sleep, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const TOP = (more = '') => `break_glass: { people: [ana], second_factor: [totp, sealed_token]${more} }`;
const gateway = (scope, top = TOP(), more = {}) => Gateway.start(scope, { upstream: pg.upstream, top, ...more });
const connect = (scope, g, user = 'ana') => nodeClient(scope, { host: '127.0.0.1', port: g.port, user, database: pg.database });
const ok = (r) => { assert.equal(r.status, 0, r.err + r.out); return r.out.trim(); };
let row = 2000;
const next = () => `DELETE FROM orders WHERE id = ${row++}`;

// What an authenticator does with the URI it is given (RFC 6238), `later` steps from now.
function code(uri, later = 0) {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...new URL(uri).searchParams.get('secret')].map((c) => digits.indexOf(c).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + later));
  const mac = createHmac('sha1', secret).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}
const hold = async (g, client, text = next()) => {
  const held = client.query(text);
  held.catch(() => {});
  return { held, text, id: String((await g.pending()).id) };
};
const smash = (g, id, c, reason = 'production is down') => g.cli(['break-glass', id, '--reason', reason, '--code', c]);

test('a named person runs their own held statement at once; the record names who was skipped; a review falls due', async (scope) => {
  const g = await gateway(scope);
  const uri = ok(await g.cli(['user', 'totp', 'ana']));
  assert.match(uri, /^otpauth:\/\/totp\/countersign:ana\?secret=[A-Z2-7]{32}&issuer=countersign$/);
  const psql = await Psql.start(scope, { host: '127.0.0.1', port: g.port, user: 'ana', dbname: pg.database });
  const text = next();
  psql.type(`${text};`);
  const id = String((await g.pending()).id);
  assert.match(ok(await smash(g, id, code(uri))), /released by break-glass/);
  assert.match(await psql.prompt(), /DELETE/);
  assert.equal(await pg.timesRun(text), 1);
  await g.reaches(id, 'completed');
  assert.equal((await g.show(id)).bypass, 'break_glass');
  const record = JSON.parse(g.auditText().split('\n').find((l) => l.includes('"kind":"break_glass"'))).data;
  assert.deepEqual([record.by, record.reason, record.second_factor, record.skipped], ['ana', 'production is down', 'totp', ['bo']]);
  const [due] = JSON.parse(ok(await g.cli(['reviews', '--json']))).reviews;
  assert.deepEqual([due.state, due.person, String(due.request)], ['due', 'ana', id]);
  assert.equal((await g.cli(['review', id, '--reason', 'fine by me'])).status, 1);
  assert.equal((await g.cli(['review', id, '--reason', 'x'], { as: 'games' })).status, 1);
  assert.equal((await g.cli(['review', id], { as: 'daemon' })).status, 2);
  ok(await g.cli(['review', id, '--reason', 'it was needed'], { as: 'daemon' }));
  assert.equal((await g.cli(['review', id, '--reason', 'again'], { as: 'daemon' })).status, 1);
  assert.match(ok(await g.cli(['reviews'])), /reviewed +\S+ +ana +bo +production is down/);
  ok(await g.auditVerify());
  assert.ok(!g.auditText().includes(new URL(uri).searchParams.get('secret')));
});

test('a code works once, a wrong one never, and many wrong ones lock', async (scope) => {
  const g = await gateway(scope);
  const uri = ok(await g.cli(['user', 'totp', 'ana']));
  const client = await connect(scope, g);
  const first = await hold(g, client);
  const good = code(uri);
  ok(await smash(g, first.id, good));
  await first.held;
  const second = await hold(g, client);
  const wrong = async (c) => { const r = await smash(g, second.id, c); assert.equal(r.status, 1); return r.err; };
  assert.match(await wrong(good), /wrong, or was used before/);
  for (const c of ['000000', 'x', 'zzzzzz']) assert.match(await wrong(c), /wrong/);
  assert.match(await wrong('seal_'), /wrong/);
  assert.match(await wrong(code(uri, 1)), /too many wrong codes/);
  assert.equal(await g.state(second.id), 'pending');
  assert.equal(await pg.timesRun(second.text), 0);
  assert.ok(g.auditText().split('"kind":"break_glass_refused"').length - 1 >= 6);
});

test('a sealed token works once, for its person only', async (scope) => {
  const g = await gateway(scope);
  const seal = ok(await g.cli(['user', 'seal', 'ana']));
  const others = ok(await g.cli(['user', 'seal', 'bo']));
  const client = await connect(scope, g);
  const first = await hold(g, client);
  assert.equal((await smash(g, first.id, others)).status, 1);
  const r = await g.cli(['break-glass', first.id, '--reason', 'on fire'], { input: `${seal}\n` });
  ok(r);
  assert.equal((await first.held).command, 'DELETE');
  const second = await hold(g, client);
  assert.match((await smash(g, second.id, seal)).err, /used before/);
  assert.ok(!g.auditText().includes(seal));
});

test('nobody else\'s request, nobody who is not named, nothing without a reason or another digest', async (scope) => {
  const g = await gateway(scope);
  const uri = ok(await g.cli(['user', 'totp', 'ana']));
  const own = await hold(g, await connect(scope, g));
  assert.equal((await g.cli(['break-glass', own.id, '--code', code(uri)])).status, 2);
  assert.equal((await g.cli(['break-glass', own.id, '--reason', 'x', '--code', code(uri)], { as: 'daemon' })).status, 1);
  const stale = await g.http('POST', `/v1/requests/${own.id}/break-glass`, { body: { digest: '0'.repeat(64), reason: 'x', code: code(uri) } });
  assert.equal(stale.status, 409);
  await g.cli(['withdraw', own.id]);
  const foreign = await hold(g, await connect(scope, g, 'app'));
  assert.match((await smash(g, foreign.id, code(uri))).err, /only its own requester/);
  assert.equal(await g.state(foreign.id), 'pending');
  assert.equal((await g.cli(['user', 'totp', 'ana'], { as: 'daemon' })).status, 1);
});

test('without `break_glass:` nobody may', async (scope) => {
  const g = await gateway(scope, '');
  const uri = ok(await g.cli(['user', 'totp', 'ana']));
  const own = await hold(g, await connect(scope, g));
  assert.match((await smash(g, own.id, code(uri))).err, /not among those/);
});

test('while a review is overdue the next break-glass is refused', async (scope) => {
  const g = await gateway(scope, TOP(', review_within: 1s'));
  const client = await connect(scope, g);
  const seals = [ok(await g.cli(['user', 'seal', 'ana'])), ok(await g.cli(['user', 'seal', 'ana']))];
  const first = await hold(g, client);
  ok(await smash(g, first.id, seals[0]));
  await first.held;
  await sleep(1100);
  const second = await hold(g, client);
  assert.match((await smash(g, second.id, seals[1])).err, /review of your last break-glass is overdue/);
  ok(await g.cli(['review', first.id, '--reason', 'seen'], { as: 'daemon' }));
  ok(await smash(g, second.id, seals[1]));
  assert.equal((await second.held).command, 'DELETE');
});

test('who was told to come back runs it with the same statement', async (scope) => {
  const g = await gateway(scope, `${TOP()}\ndefaults: { wait: return }`);
  const client = await connect(scope, g);
  const seal = ok(await g.cli(['user', 'seal', 'ana']));
  const text = next();
  assert.equal((await refused(client.query(text))).code, 'ZC005');
  const { id } = await g.pending();
  ok(await smash(g, String(id), seal));
  assert.equal((await client.query(text)).command, 'DELETE');
  assert.equal((await refused(client.query(text))).code, 'ZC005');
  assert.equal(await pg.timesRun(text), 1);
});

test('a section that names nobody, or no second factor, does not load', async (scope) => {
  for (const [top, says] of [
    ['break_glass: { second_factor: totp }', /names nobody/],
    ['break_glass: { people: [nobody-here], second_factor: totp }', /nobody named/],
    ['break_glass: { people: [ana] }', /second_factor/],
    ['break_glass: { groups: [no-such], second_factor: totp }', /nobody is in a group/],
  ]) {
    const g = await Gateway.start(scope, { upstream: pg.upstream, top, expectFailure: true });
    await g.exited;
    assert.match(g.log, says);
  }
});
