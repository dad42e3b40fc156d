// The log says who decided what and why, and shows when somebody changed it.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frames, headerLength, journalFiles, readLeaves, readLog } from '../lib/audit-log.mjs';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, freePort, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const ROOT = new URL('../..', import.meta.url).pathname;

// A gateway that has decided one statement each way, stopped.
async function history(scope, settings = {}) {
  const g = await Gateway.start(scope, { upstream: pg.upstream, ...settings });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const approved = client.query("UPDATE orders SET status = 'logged' WHERE id = 1");
  const first = await g.pending();
  await g.approve(first.id, 'because of ticket 12');
  await approved;
  await g.reaches(first.id, 'completed');
  const rejected = refused(client.query('DELETE FROM orders WHERE id = 2'));
  const second = await g.pending();
  await g.reject(second.id, 'not on a Friday');
  await rejected;
  assert.equal((await refused(client.query('TABLE secrets'))).code, 'ZC001');
  await until(() => g.auditText().includes('secrets-stay'), 'the record of the denial');
  await client.end();
  await g.stop();
  return { g, records: g.records(), first, second };
}

test('the log names who, what, which rule, which policy, why and how it ended', async (scope) => {
  const { records, first } = await history(scope);
  const about = records.filter((r) => r.data.request === first.id).map((r) => JSON.stringify(r)).join('\n');
  for (const word of ['app', 'ana', 'order-changes', 'because of ticket 12', first.digest, 'UPDATE 1'])
    assert.ok(about.includes(word), `${word} is missing in:\n${about}`);
  assert.ok(records.some((r) => r.data.reason === 'not on a Friday'));
  records.forEach((r, i) => {
    assert.equal(r.seq, i + 1);
    assert.match(r.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(i === 0 || Date.parse(r.time) >= Date.parse(records[i - 1].time) - 1000);
  });
});

// RFC 8785 in a line: what JSON.stringify gives for objects with sorted names.
const canonical = (v) => (Array.isArray(v) ? `[${v.map(canonical).join(',')}]`
  : v !== null && typeof v === 'object' ? `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(',')}}` : JSON.stringify(v));

test('leaves are canonical JSON of at most 4 KiB, and what people and clients wrote stands apart', async (scope) => {
  const { g } = await history(scope);
  for (const leaf of readLeaves(g.auditDir)) {
    assert.equal(leaf, canonical(JSON.parse(leaf)));
    assert.ok(Buffer.byteLength(leaf) <= 4096);
    assert.ok(!/ticket 12|Friday|UPDATE orders|TABLE secrets/.test(leaf), leaf);
  }
});

test('an untouched log verifies', async (scope) => {
  const { g } = await history(scope);
  const r = await g.auditVerify();
  assert.equal(r.status, 0, r.err + r.out);
  const json = JSON.parse((await g.cli(['audit', 'verify', '-c', g.config, '--json'])).out);
  assert.equal(json.good, true);
  assert.equal(json.signed, json.records);
});

// The last journal file, which a stopped gateway has left, as header and frames.
function journal(dir) {
  const file = journalFiles(dir).at(-1);
  const bytes = readFileSync(file);
  return { file, bytes, head: bytes.subarray(0, headerLength(bytes)), list: frames(bytes).map((f) => bytes.subarray(f.at, f.end)) };
}

const attacks = {
  'a record left out': (l) => l.filter((_, i) => i !== 4),
  'the first record left out': (l) => l.slice(1),
  'two records swapped': (l) => [...l.slice(0, 3), l[4], l[3], ...l.slice(5)],
  'a record twice': (l) => [...l.slice(0, 4), l[3], ...l.slice(4)],
  'the end cut off': (l) => l.slice(0, -1),
  'the last record twice': (l) => [...l, l.at(-1)],
};

test('verification finds every edit, gap and reordering', async (scope) => {
  const { g } = await history(scope);
  const { file, bytes, head, list } = journal(g.auditDir);
  assert.ok(list.length > 6);
  for (const [name, attack] of Object.entries(attacks)) {
    writeFileSync(file, Buffer.concat([head, ...attack(list)]));
    const r = await g.auditVerify();
    assert.equal(r.status, 1, `${name}: ${r.out}`);
    assert.match(r.err, /record/, name);
  }
  for (let i = 0; i < list.length; i += 1) {
    const changed = list.map((f) => Buffer.from(f));
    changed[i][Math.floor((list[i].length * (i + 1)) / (list.length + 1))] ^= 1;
    writeFileSync(file, Buffer.concat([head, ...changed]));
    assert.equal((await g.auditVerify()).status, 1, `a byte of record ${i + 1}`);
  }
  writeFileSync(file, bytes);
  assert.equal((await g.auditVerify()).status, 0);
});

test('an older copy in its place is caught by a checkpoint that was kept, and so is another log', async (scope) => {
  const { g } = await history(scope);
  const copy = join(tempDir(scope), 'copy');
  cpSync(g.auditDir, copy, { recursive: true });
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.stop();
  const kept = join(tempDir(scope), 'checkpoint');
  cpSync(join(g.auditDir, 'checkpoint'), kept);
  const with_kept = (dir) => g.cli(['audit', 'verify', dir, '--checkpoint', kept, '--key', join(g.auditDir, 'key.pub')]);
  assert.equal((await with_kept(g.auditDir)).status, 0);
  const rolled = await with_kept(copy);
  assert.equal(rolled.status, 1);
  assert.match(rolled.err, /rollback/);
  const other = await history(scope);
  const foreign = await g.cli(['audit', 'verify', other.g.auditDir, '--key', join(g.auditDir, 'key.pub')]);
  assert.equal(foreign.status, 1);
  assert.match(foreign.err, /not signed by a key that is trusted/);
});

test('a record is proved to somebody who has the public key alone, and the log goes on from a kept checkpoint', async (scope) => {
  const { g, records } = await history(scope);
  const dir = tempDir(scope);
  const [proof, key, kept, since] = ['proof', 'key', 'kept', 'since'].map((f) => join(dir, f));
  cpSync(join(g.auditDir, 'key.pub'), key);
  cpSync(join(g.auditDir, 'checkpoint'), kept);
  const vote = records.find((r) => r.kind === 'vote');
  writeFileSync(proof, (await g.cli(['audit', 'prove', `${vote.seq}`, '-c', g.config])).out);
  const checked = await g.cli(['audit', 'check-proof', proof, '--key', key]);
  assert.equal(checked.status, 0, checked.err);
  assert.match(checked.out, /"kind":"vote"/);
  writeFileSync(proof, readFileSync(proof, 'utf8').replace(/index \d+/, 'index 0'));
  assert.equal((await g.cli(['audit', 'check-proof', proof, '--key', key])).status, 1);
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.stop();
  writeFileSync(since, (await g.cli(['audit', 'prove', '--since', kept, '-c', g.config])).out);
  const goes_on = await g.cli(['audit', 'check-proof', since, '--since', kept, '--key', key]);
  assert.equal(goes_on.status, 0, goes_on.err);
});

test('tiles and checkpoint verify with code that is not ours: Go with its sumdb packages', async (scope) => {
  const { g } = await history(scope);
  const bin = join(tempDir(scope), 'verify');
  execFileSync('go', ['build', '-o', bin, join(ROOT, 'tests/lib/tlog_verify.go')], {
    env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(tempDir(scope), 'go') },
  });
  const run = (dir) => spawnSync(bin, [dir, readFileSync(join(dir, 'key.pub'), 'utf8').trim()], { encoding: 'utf8' });
  const good = run(g.auditDir);
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, new RegExp(`^good: ${g.records().length} records`));
  const bundle = join(g.auditDir, 'tile/entries', `000.p/${g.records().length}`);
  assert.ok(existsSync(bundle));
  const bytes = readFileSync(bundle);
  bytes[bytes.length - 20] ^= 1;
  writeFileSync(bundle, bytes);
  assert.equal(run(g.auditDir).status, 1);
});

test('the log goes on over a restart as one log', async (scope) => {
  const { g, records } = await history(scope);
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.stop();
  const r = await g.auditVerify();
  assert.equal(r.status, 0, r.err + r.out);
  assert.deepEqual(g.records().slice(0, records.length), records);
  assert.ok(g.records().length > records.length);
});

const holds = (dir, word) => spawnSync('grep', ['-rqa', word, dir]).status === 0;

test('what people wrote in a record can be erased: it is gone, said, and everything still verifies', async (scope) => {
  const { g, records } = await history(scope);
  const vote = records.find((r) => r.data.reason === 'not on a Friday');
  assert.ok(holds(g.auditDir, 'not on a Friday'));
  for (const r of records.filter((x) => JSON.stringify(x.data).includes('not on a Friday'))) {
    const erased = await g.cli(['audit', 'erase', `${r.seq}`, '--reason', 'asked for by ana', '-c', g.config]);
    assert.equal(erased.status, 0, erased.err);
  }
  assert.ok(!holds(g.auditDir, 'not on a Friday'));
  assert.equal((await g.auditVerify()).status, 0);
  assert.ok(g.records().some((r) => r.kind === 'erased' && r.data.record === vote.seq && r.data.reason === 'asked for by ana'));
  const proof = join(tempDir(scope), 'proof');
  writeFileSync(proof, (await g.cli(['audit', 'prove', `${vote.seq}`, '-c', g.config])).out);
  assert.equal((await g.cli(['audit', 'check-proof', proof, '--key', join(g.auditDir, 'key.pub')])).status, 0);
});

test('a rotated key is a record, and who kept the old one can still verify', async (scope) => {
  const { g } = await history(scope);
  const old = readFileSync(join(g.auditDir, 'key.pub'), 'utf8').trim();
  assert.equal((await g.cli(['audit', 'rotate-key', '-c', g.config])).status, 0);
  assert.notEqual(readFileSync(join(g.auditDir, 'key.pub'), 'utf8').split('\n')[0], old);
  assert.equal(g.records().at(-1).kind, 'key_rotated');
  g.status = undefined;
  g.launch();
  await g.listening();
  const running = await g.cli(['audit', 'rotate-key', '-c', g.config]); // the gateway has the log: it does it
  assert.equal(running.status, 0, running.err);
  assert.match(running.out, /as record \d+ says, signed by both/);
  await g.stop();
  const r = await g.cli(['audit', 'verify', '-c', g.config, '--key', old]);
  assert.equal(r.status, 0, r.err);
});

test('a redaction rule: text and parameters of matching actions are nowhere in clear, their commitments verify', async (scope) => {
  const { g } = await history(scope, { top: '', audit: 'audit, redact: [{ name: shop-text, resources: [shop], redact: [text, parameters] }]' });
  const dir = join(g.dir, 'audit');
  assert.ok(!holds(dir, 'SET status'));
  assert.ok(!holds(dir, 'TABLE secrets'));
  assert.ok(readLeaves(dir).some((l) => l.includes('"redacted":"shop-text"')));
  const r = await g.cli(['audit', 'verify', '-c', g.config]);
  assert.equal(r.status, 0, r.err);
});

test('every record keeps to the published JSON Schema', async (scope) => {
  const { g } = await history(scope);
  const file = join(tempDir(scope), 'leaves.jsonl');
  writeFileSync(file, readLeaves(g.auditDir).map((l) => `${l}\n`).join(''));
  const r = spawnSync('python3', [join(ROOT, 'tests/lib/check_schema.py'), join(ROOT, 'docs/audit-record.schema.json'), file], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stdout + r.stderr);
});

test('a witness cosigns what goes on, and refuses a rollback, a fork and strangers', async (scope) => {
  const { g } = await history(scope);
  const dir = tempDir(scope);
  const port = await freePort();
  const older = join(dir, 'older');
  cpSync(g.auditDir, older, { recursive: true });
  const witness = spawn(BINARY, ['audit', 'witness', '--listen', `127.0.0.1:${port}`, '--state', join(dir, 'state'), '--log', join(g.auditDir, 'key.pub'), '--name', 'witness.example'],
    { stdio: 'ignore' });
  scope.defer(() => witness.kill());
  const since = async (size, log) => (await g.cli(['audit', 'prove', '--since', `${size}`, log])).out;
  const ask = async (body) => fetch(`http://127.0.0.1:${port}/add-checkpoint`, { method: 'POST', body });
  const first = await until(async () => ask(await since(0, g.auditDir)).catch(() => null), 'the witness to answer');
  assert.equal(first.status, 200);
  assert.match(await first.text(), /^\u2014 witness\.example [A-Za-z0-9+/=]+\n$/);
  const seen = g.records().length;
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.stop();
  const stale = await ask(await since(0, g.auditDir));
  assert.equal(stale.status, 409);
  assert.equal(stale.headers.get('content-type'), 'text/x.tlog.size');
  assert.equal(await stale.text(), `${seen}\n`);
  assert.equal((await ask(await since(seen, g.auditDir))).status, 200);
  assert.equal((await ask(await since(seen, older))).status, 409); // rolled back
  const proved = await since(seen, g.auditDir);
  assert.equal((await ask(proved.replace(/^old \d+/, `old ${g.records().length}`))).status, 422);
  assert.equal((await ask(proved.replace(/\n([A-Za-z0-9+/]{43}=)\n/, '\n'))).status >= 400, true);
  assert.equal((await ask((await since(0, (await history(scope)).g.auditDir)))).status, 404);
  assert.equal((await ask('nonsense')).status, 400);
});

test('the gateway asks its witness, and the cosignature is in the checkpoint', async (scope) => {
  const dir = tempDir(scope);
  const port = await freePort();
  const start = (log) => spawn(BINARY, ['audit', 'witness', '--listen', `127.0.0.1:${port}`, '--state', join(dir, 'state'), '--log', log, '--name', 'witness.example'], { stdio: 'ignore' });
  const { g } = await history(scope);
  const witness = start(join(g.auditDir, 'key.pub'));
  scope.defer(() => witness.kill());
  const key = await until(() => (existsSync(join(dir, 'state/key.pub')) ? readFileSync(join(dir, 'state/key.pub'), 'utf8').trim() : null), 'the key of the witness');
  g.audit = `audit, witnesses: [{ url: 'http://127.0.0.1:${port}', key: '${key}' }]`;
  g.writeConfig();
  g.status = undefined;
  g.launch();
  await g.listening();
  await until(() => existsSync(join(g.auditDir, 'checkpoint.witnessed')), () => `the cosignature; ${g.log}`, 15000);
  assert.match(readFileSync(join(g.auditDir, 'checkpoint.witnessed'), 'utf8'), /\n\u2014 witness\.example [A-Za-z0-9+/=]+\n$/);
  await g.stop();
  assert.equal((await g.auditVerify()).status, 0);
});

test('text of a client reaches the log escaped: one record stays one line', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const held = refused(client.query('DELETE FROM orders WHERE id = 3\n-- "}\n{"forged":true}\r\n\x1b[31m'));
  await g.reject((await g.pending()).id, 'line one\n{"forged":true}');
  await held;
  await g.stop();
  for (const leaf of readLeaves(g.auditDir)) {
    assert.equal(JSON.parse(leaf).forged, undefined);
    assert.ok(!/[\x00-\x1f\x7f]/.test(leaf));
  }
  assert.ok(readLog(g.auditDir).some((r) => r.data.reason === 'line one\n{"forged":true}'));
  assert.equal((await g.auditVerify()).status, 0);
});
