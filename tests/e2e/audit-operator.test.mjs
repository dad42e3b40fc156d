// The log in the hands of whoever runs the gateway, while it runs.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

const bytes = async (dir) => (await run('bash', ['-c', 'find "$1" -type f -exec cat {} +', 'x', dir], { maxBuffer: 1e9 })).out;
const verified = async (g) => {
  const r = await g.cli(['audit', 'verify', '-c', g.config]);
  assert.equal(r.status, 0, r.err + r.out);
};

// One statement rejected for a reason that is not to be kept.
async function rejected(scope, g, reason) {
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const held = refused(client.query('DELETE FROM orders WHERE id = 2'));
  await g.reject((await g.pending()).id, reason);
  await held;
  await client.end();
}

test('a gateway that runs erases and rotates for its operator, and nobody else', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, api: true });
  const dir = join(g.dir, 'audit');
  await rejected(scope, g, 'her number is 555-0199');
  const found = await g.cli(['audit', 'search', '-c', g.config, '--json', '--text', '0199']);
  const records = JSON.parse(found.out).records.map((r) => r.seq);
  assert.ok(records.length > 0, found.err);
  const admin = (await g.http('POST', '/v1/tokens', { body: { person: 'ana', scope: 'admin approve' } })).json.token;
  for (const path of [`/v1/audit/records/${records[0]}/erase`, '/v1/audit/rotate-key'])
    assert.equal((await g.http('POST', path, { token: admin, body: path.endsWith('erase') ? { reason: 'x' } : {} })).status, 403);
  assert.ok((await bytes(dir)).includes('555-0199'));
  for (const seq of records) {
    const r = await g.cli(['audit', 'erase', `${seq}`, '--reason', 'asked for by her', '-c', g.config]);
    assert.equal(r.status, 0, r.err);
    assert.match(r.out, /1 members? erased, as record \d+ says/);
  }
  assert.ok(!(await bytes(dir)).includes('555-0199'));
  const again = await g.cli(['audit', 'erase', `${records[0]}`, '--reason', 'again', '-c', g.config]);
  assert.equal(again.status, 1);
  assert.match(again.err, /nothing of it is left to erase/);
  const none = await g.cli(['audit', 'erase', '999999', '--reason', 'x', '-c', g.config]);
  assert.match(none.err, /there is no record 999999/);
  const old = readFileSync(join(dir, 'key.pub'), 'utf8').split('\n')[0];
  assert.equal((await g.cli(['audit', 'rotate-key', '-c', g.config])).status, 0);
  assert.notEqual(readFileSync(join(dir, 'key.pub'), 'utf8').split('\n')[0], old);
  await rejected(scope, g, 'after it');
  await g.stop();
  await verified(g);
  assert.equal((await g.cli(['audit', 'verify', '-c', g.config, '--key', old])).status, 0);
  const said = g.records().filter((r) => ['erased', 'key_rotated'].includes(r.kind));
  assert.equal(said.length, records.length + 1);
  for (const r of said) assert.equal(r.data.by, 'ana');
});

test('erasing makes no log where there is none, and leaves no file that the gateway could not open', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  await g.stop();
  const dir = join(g.dir, 'audit');
  rmSync(dir, { recursive: true });
  const none = await g.cli(['audit', 'erase', '1', '--reason', 'x', '-c', g.config]);
  assert.equal(none.status, 2);
  assert.match(none.err, /there is no log in .*-c/s);
  assert.ok(!existsSync(dir));
  const other = await Gateway.start(scope, { upstream: pg.upstream });
  await other.stop();
  chownSync(join(other.dir, 'audit'), 1, 1); // as it is where the gateway has a user of its own
  const asRoot = await other.cli(['audit', 'rotate-key', '-c', other.config]);
  assert.equal(asRoot.status, 1);
  assert.match(asRoot.err, /belong to user daemon: do this as that user/);
});

test('a signer that fails: /healthz is degraded, metrics and the service log say so, and that it is over', async (scope) => {
  const own = tempDir(scope);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(own, 'key.der'), privateKey.export({ type: 'pkcs8', format: 'der' }), { mode: 0o600 });
  const raw = Buffer.concat([Buffer.from([1]), publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)]);
  const name = 'test/countersign';
  const id = createHash('sha256').update(`${name}\n`).update(raw).digest().subarray(0, 4).toString('hex');
  const up = join(own, 'up');
  writeFileSync(join(own, 'sign'), `#!/bin/sh\ntest -e ${up} || exit 1\ncat >${own}/text\n`
    + `openssl pkeyutl -sign -rawin -inkey ${own}/key.der -keyform DER -in ${own}/text | base64 -w0\n`);
  chmodSync(join(own, 'sign'), 0o755);
  writeFileSync(up, '');
  const g = await Gateway.start(scope, { upstream: pg.upstream,
    audit: `audit, signer: [${join(own, 'sign')}], public_key: "${name}+${id}+${raw.toString('base64')}"` });
  const health = () => g.http('GET', '/healthz');
  const metric = async (what) => Number(new RegExp(`^countersign_${what} (\\d+)$`, 'm').exec((await g.http('GET', '/metrics')).text)[1]);
  assert.deepEqual((await health()).json, { status: 'ok' });
  assert.equal(await metric('audit_checkpoint_healthy'), 1);
  rmSync(up);
  await rejected(scope, g, 'while it is down'); // service goes on
  await until(async () => (await health()).json.status === 'degraded', 'the health to be degraded');
  const down = await health();
  assert.equal(down.status, 200);
  assert.match(down.json.reason, /checkpoint cannot be signed by audit\.signer/);
  assert.equal(await metric('audit_checkpoint_healthy'), 0);
  assert.equal(await metric('audit_healthy'), 1);
  const rotate = await g.cli(['audit', 'rotate-key', '-c', g.config]);
  assert.equal(rotate.status, 1);
  assert.match(rotate.err, /audit\.signer holds the key: rotate it there/);
  await new Promise((done) => { setTimeout(done, 2500); }); // it is tried again meanwhile
  assert.equal(g.log.match(/checkpoint cannot be signed/g).length, 1, g.log);
  writeFileSync(up, '');
  await until(async () => (await health()).json.status === 'ok', 'the health to be well again');
  assert.match(g.log, /checkpoint is signed again, over \d+ records/);
  assert.equal(await metric('audit_checkpoint_healthy'), 1);
  await until(async () => await metric('audit_signed_records') > 5, 'what was not signed to be signed');
  await g.stop();
  const r = await run(BINARY, ['audit', 'verify', join(g.dir, 'audit')]);
  assert.equal(r.status, 0, r.err + r.out);
});
