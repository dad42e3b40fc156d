// People and their tokens: who they are, what they may see, and what is left of it once they are disabled.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { GUARDRAILS, Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
await pg.sql("DO $$ BEGIN CREATE ROLE cleo LOGIN; EXCEPTION WHEN duplicate_object THEN END $$");
const both = async (scope, { user = 'app', top = 'people_file: people.yaml', ...options } = {}) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, api: true, top, ...options });
  return { g, connect: (u = user) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: u, database: pg.database }) };
};
const must = async (g, ...words) => {
  const r = await g.cli(words);
  assert.equal(r.status, 0, r.err);
  return r.out;
};
const token = async (g, person, ...more) => (await must(g, 'user', 'token', person, ...more)).trim();
const records = (g) => g.auditText().trim().split('\n').map((l) => JSON.parse(l));
const people = async (g) => (await g.http('GET', '/v1/people')).json.people;

test('a person who is added may decide at once, in every part of the gateway, and it is on record', async (scope) => {
  const { g, connect } = await both(scope, { guardrails: GUARDRAILS.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }') });
  await must(g, 'user', 'add', 'dora', '--groups', 'dba oncall', '--roles', 'auditor');
  const dora = (await people(g)).find((p) => p.name === 'dora');
  assert.deepEqual([dora.groups, dora.auditor, dora.local, dora.disabled], [['dba', 'oncall'], true, true, false]);
  const key = await token(g, 'dora');
  const client = await connect();
  const held = client.query('DELETE FROM orders WHERE id = 11');
  const { id } = await g.pending();
  await g.approve(id);
  assert.equal(await g.state(id), 'pending');
  const r = await g.cli(['approve', String(id), '--yes'], { token: key });
  assert.equal(r.status, 0, r.err);
  assert.equal((await held).rowCount, 1);
  const all = records(g);
  const added = all.find((x) => x.kind === 'person_added');
  assert.deepEqual([added.data.person, added.data.groups, added.data.roles, added.data.via], ['dora', 'dba oncall', 'auditor', 'socket']);
  assert.ok(all.some((x) => x.kind === 'policy' && x.seq > added.seq));
  // It is still so after a restart.
  await g.stop();
  g.status = undefined;
  g.launch();
  await g.listening();
  assert.ok((await people(g)).some((p) => p.name === 'dora'));
  assert.equal((await g.cli(['requests'], { token: key })).status, 0);
});

test('who is disabled has no vote, no token and no session from that moment on', async (scope) => {
  const { g, connect } = await both(scope);
  const key = await token(g, 'bo');
  const bo = await connect('bo');
  let ended;
  bo.on('error', (e) => { ended ??= e; });
  const client = await connect();
  const held = refused(client.query('DELETE FROM orders WHERE id = 12'));
  const { id } = await g.pending();
  await must(g, 'user', 'disable', 'bo');
  await until(() => ended, 'the session of bo to end');
  assert.match(ended.message, /disabled/);
  assert.equal((await g.cli(['requests'], { token: key })).status, 1);
  assert.equal((await g.http('GET', '/v1/whoami', { token: key })).status, 401);
  const vote = await g.cli(['approve', String(id)], { as: 'daemon' });
  assert.equal(vote.status, 1);
  assert.match(vote.err, /disabled/);
  await assert.rejects(connect('bo'), /disabled/);
  assert.equal((await g.cli(['user', 'token', 'bo'])).status, 1);
  assert.equal(await g.state(id), 'pending');
  const record = records(g).find((x) => x.kind === 'person_disabled');
  assert.equal(record.data.person, 'bo');
  await must(g, 'user', 'enable', 'bo');
  assert.equal((await g.cli(['requests'], { token: key })).status, 0);
  assert.equal((await g.cli(['reject', String(id), '--reason', 'x'], { as: 'daemon' })).status, 0);
  await held;
});

test('an approval of somebody who was disabled since releases nothing', async (scope) => {
  const { g, connect } = await both(scope, { guardrails: GUARDRAILS.replace('{ from: [dba], count: 1 }', '{ from: [dba], count: 2 }') });
  await must(g, 'user', 'add', 'dora', '--groups', 'dba');
  const client = await connect();
  const held = client.query('DELETE FROM orders WHERE id = 13');
  const { id } = await g.pending();
  assert.equal((await g.cli(['approve', String(id), '--yes'], { token: await token(g, 'dora') })).status, 0);
  await must(g, 'user', 'disable', 'dora');
  await g.approve(id);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await g.cli(['approve', String(id)], { as: 'daemon' })).status, 0);
  assert.equal((await held).rowCount, 1);
});

test('people are changed by an admin alone, and never into what does not load', async (scope) => {
  const { g } = await both(scope);
  const bo = await token(g, 'bo');
  assert.equal((await g.cli(['user', 'add', 'dora'], { token: bo })).status, 1);
  assert.equal((await g.cli(['user', 'disable', 'ana'], { token: bo })).status, 1);
  assert.equal((await g.cli(['user', 'add', 'ana'])).status, 1);
  assert.equal((await g.cli(['user', 'add', 'dba'])).status, 1);          // a group has that name
  assert.equal((await g.cli(['user', 'add', 'x y'])).status, 1);
  assert.equal((await g.cli(['user', 'add', 'eve', '--roles', 'root'])).status, 1);
  assert.equal((await g.cli(['user', 'disable', 'nobody'])).status, 1);
  assert.equal((await g.cli(['user', 'enable', 'ana'])).status, 1);
  assert.equal((await people(g)).length, 3);
  // What somebody else wrote there is not overwritten.
  await must(g, 'user', 'add', 'dora');
  const file = join(g.dir, 'people.yaml');
  writeFileSync(file, `${readFileSync(file, 'utf8')}# mine\n`);
  const r = await g.cli(['user', 'add', 'eve']);
  assert.equal(r.status, 1);
  assert.match(r.err, /reload/);
  assert.match(readFileSync(file, 'utf8'), /# mine/);
});

test('a gateway without a people_file says how to get one', async (scope) => {
  const { g } = await both(scope, { top: '' });
  const r = await g.cli(['user', 'disable', 'bo']);
  assert.equal(r.status, 1);
  assert.match(r.err, /people_file: people.yaml/);
});

test('everybody sees what concerns them: their own, what they may decide; auditors all', async (scope) => {
  const { g, connect } = await both(scope);
  await must(g, 'user', 'add', 'audra', '--roles', 'auditor');
  const client = await connect('cleo'); // of support: no approver
  const held = refused(client.query('DELETE FROM orders WHERE id = 14'));
  const { id } = await g.pending();
  const sees = async (key) => [(await g.http('GET', `/v1/requests/${id}`, { token: key })).status,
    (await g.http('GET', '/v1/requests', { token: key })).json.requests.length];
  await must(g, 'user', 'add', 'eve');
  assert.deepEqual(await sees(await token(g, 'cleo')), [200, 1]);                         // requester
  assert.deepEqual(await sees(await token(g, 'cleo', '--scope', 'approve')), [404, 0]);
  assert.deepEqual(await sees(await token(g, 'bo')), [200, 1]);                           // approver
  assert.deepEqual(await sees(await token(g, 'bo', '--scope', 'act')), [404, 0]);
  assert.deepEqual(await sees(await token(g, 'bo', '--scope', 'audit')), [404, 0]);       // a scope gives no role
  assert.deepEqual(await sees(await token(g, 'audra')), [404, 0]);                        // a role needs its scope
  assert.deepEqual(await sees(await token(g, 'audra', '--scope', 'audit')), [200, 1]);
  assert.deepEqual(await sees(await token(g, 'eve')), [404, 0]);
  const act = await token(g, 'bo', '--scope', 'act');
  const digest = (await g.show(id)).digest;
  assert.equal((await g.http('POST', `/v1/requests/${id}/approve`, { token: act, body: { digest } })).status, 403);
  await g.reject(id, 'x');
  await held;
});

// A key of each type, and the text of `ssh_keys:` for them.
const newKey = async (scope, type = 'ed25519') => {
  const file = join(tempDir(scope), 'id');
  const r = await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
  assert.equal(r.status, 0, r.err);
  return { file, line: readFileSync(`${file}.pub`, 'utf8').trim() };
};
const SIGNED = GUARDRAILS.replace('approvals: [{ from: [dba], count: 1 }]', 'approvals: [{ from: [dba], count: 1 }]\n    signed: required');

test('a guardrail that demands signatures takes no approval without one, and the record proves who signed what', async (scope) => {
  const key = await newKey(scope);
  const dir = tempDir(scope);
  writeFileSync(join(dir, 'keys.yaml'), `people:\n  sigi: { groups: [dba], ssh_keys: ["${key.line}"] }\n`);
  const { g, connect } = await both(scope, { guardrails: SIGNED, top: 'include: keys.yaml', dir });
  const sigi = await token(g, 'sigi');
  const client = await connect();
  const held = client.query('DELETE FROM orders WHERE id = 15');
  const { id } = await g.pending();
  assert.match((await g.cli(['show', String(id)], { token: sigi })).out, /countersign approve \d+ --digest [0-9a-f]{64} --sign\n/);
  const plain = await g.cli(['approve', String(id), '--yes'], { token: sigi });
  assert.equal(plain.status, 1);
  assert.match(plain.err, /signed here.*--sign/);
  assert.equal((await g.cli(['approve', String(id)])).status, 1); // ana, who has no key
  // Another key than the configured one, another person's, and a signature over something else.
  const other = await newKey(scope);
  const wrong = await g.cli(['approve', String(id), '--yes', '--key', other.file], { token: sigi });
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /not among yours/);
  const bo = await token(g, 'bo');
  assert.match((await g.cli(['approve', String(id), '--yes', '--key', key.file], { token: bo })).err, /ssh_keys/);
  const { digest } = await g.show(id);
  writeFileSync(join(dir, 'text'), 'countersign vote 1\n');
  await run('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'vote@countersign', '-f', key.file, join(dir, 'text')]);
  const forged = await g.http('POST', `/v1/requests/${id}/approve`, { token: sigi, body: { digest, signature: readFileSync(join(dir, 'text.sig'), 'utf8') } });
  assert.equal(forged.status, 403);
  assert.match(forged.text, /not over this vote/);
  assert.equal(await g.state(id), 'pending');
  const good = await g.cli(['approve', String(id), '--yes', '--reason', 'checked\nwith ops', '--key', key.file], { token: sigi });
  assert.equal(good.status, 0, good.err);
  assert.equal((await held).rowCount, 1);
  // From outside: the record, the public key and ssh-keygen are enough.
  const { data } = records(g).find((r) => r.kind === 'vote');
  assert.match(data.signed, new RegExp(`^countersign vote 1\nrequest: ${id}\n.*\ndigest: ${digest}\ndecision: approve\nperson: sigi\nscope: once\nexpires: .*\nreason: checked\nwith ops\n$`));
  writeFileSync(join(dir, 'signers'), `sigi ${key.line}\n`);
  writeFileSync(join(dir, 'sig'), data.signature);
  const verify = (text) => run('ssh-keygen', ['-Y', 'verify', '-f', join(dir, 'signers'), '-I', 'sigi', '-n', 'vote@countersign', '-s', join(dir, 'sig')], { input: text });
  assert.equal((await verify(data.signed)).status, 0);
  assert.notEqual((await verify(data.signed.replace('approve', 'reject'))).status, 0);
});

test('a signature for one run carries no grant, nor one for a grant a longer one', async (scope) => {
  const key = await newKey(scope);
  const dir = tempDir(scope);
  writeFileSync(join(dir, 'keys.yaml'), `people:\n  sigi: { groups: [dba], ssh_keys: ["${key.line}"] }\n`);
  const guardrails = SIGNED.replace('signed: required', 'signed: required\n    grant: { kinds: [shape, session], max: 30m, uses: 5 }');
  const { g, connect } = await both(scope, { guardrails, top: 'include: keys.yaml', dir });
  const sigi = await token(g, 'sigi');
  const client = await connect();
  const held = client.query('DELETE FROM orders WHERE id = 9');
  const { id } = await g.pending();
  const r = await g.show(id);
  const vote = async (signedScope, grant) => {
    const file = join(dir, `text-${signedScope.replace(/\W/g, '_')}`);
    writeFileSync(file, `countersign vote 1\nrequest: ${id}\nopened: ${r.created}\ndigest: ${r.digest}\ndecision: approve\nperson: sigi\nscope: ${signedScope}\nexpires: ${r.decide_by}\nreason: \n`);
    await run('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'vote@countersign', '-f', key.file, file], { input: 'y\n' });
    return g.http('POST', `/v1/requests/${id}/approve`, { token: sigi, body: { digest: r.digest, signature: readFileSync(`${file}.sig`, 'utf8'), ...grant } });
  };
  for (const [signedScope, grant] of [['once', { grant: 'session', for: '10m' }], ['session for=600s', { grant: 'session', for: '20m' }],
    ['shape uses=2 for=600s', { grant: 'shape', uses: '3', for: '10m' }]]) {
    const refused = await vote(signedScope, grant);
    assert.equal(refused.status, 403, refused.text);
    assert.match(refused.text, /not over this vote/);
  }
  assert.equal(await g.state(id), 'pending');
  const good = await vote('shape uses=3 for=600s', { grant: 'shape', uses: '3', for: '10m' });
  assert.equal(good.status, 200, good.text);
  assert.equal((await held).rowCount, 1);
  assert.match(records(g).find((x) => x.kind === 'vote').data.signed, /\nscope: shape uses=3 for=600s\n/);
});

test('a signature is the voter\'s own key of any type, from a file or the agent', async (scope) => {
  const dir = tempDir(scope);
  const keys = [await newKey(scope, 'ecdsa'), await newKey(scope, 'rsa')];
  writeFileSync(join(dir, 'keys.yaml'), `people:\n  sigi: { groups: [dba], ssh_keys: [${keys.map((k) => `"${k.line}"`).join(', ')}] }\n`);
  const { g, connect } = await both(scope, { guardrails: SIGNED, top: 'include: keys.yaml', dir });
  const sigi = await token(g, 'sigi');
  const client = await connect();
  let n = 15;
  for (const k of keys) {
    n += 1;
    const held = client.query(`DELETE FROM orders WHERE id = ${n}`);
    const { id } = await g.pending();
    const r = await g.cli(['approve', String(id), '--yes', '--key', k.file], { token: sigi });
    assert.equal(r.status, 0, r.err);
    assert.equal((await held).rowCount, 1);
  }
  // --sign alone asks the agent for a key that the gateway knows as the voter's.
  const held = client.query('DELETE FROM orders WHERE id = 18');
  const { id } = await g.pending();
  const env = { ...process.env, COUNTERSIGN_TOKEN: sigi, COUNTERSIGN_URL: `http://127.0.0.1:${g.apiPort}`, HOME: dir, KEY: keys[0].file, ID: String(id), BIN: BINARY };
  const none = await run('sh', ['-c', 'exec "$BIN" approve "$ID" --yes --sign'], { env: { ...env, SSH_AUTH_SOCK: '' } });
  assert.equal(none.status, 1);
  assert.match(none.err, /--key FILE/);
  const agent = await run('ssh-agent', ['sh', '-c', 'ssh-add -q "$KEY" && exec "$BIN" approve "$ID" --yes --sign'], { env });
  assert.equal(agent.status, 0, agent.err);
  assert.equal((await held).rowCount, 1);
});

test('a key that is none is found when the configuration is read', async (scope) => {
  const dir = tempDir(scope);
  writeFileSync(join(dir, 'keys.yaml'), 'people:\n  sigi: { groups: [dba], ssh_keys: [ssh-ed25519 AAAA] }\n');
  const { g } = await both(scope, { top: 'include: keys.yaml', dir, expectFailure: true });
  await g.exited;
  assert.match(g.log, /keys.yaml:2:.*no SSH public key/);
});
