// The log says who decided what and why, and shows when somebody changed it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();

// A gateway that has decided one statement each way, stopped; lines are the log's.
async function history(scope) {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
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
  const [file] = g.auditFiles();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return { g, file, lines, first, second, write: (all) => writeFileSync(file, `${all.join('\n')}\n`) };
}

test('the log names who, what, which rule, which policy, why and how it ended', async (scope) => {
  const { lines, first } = await history(scope);
  const records = lines.map((l) => JSON.parse(l));
  const about = lines.filter((l) => l.includes(`"request":${first.id}`)).join('\n');
  for (const word of ['app', 'ana', 'order-changes', 'because of ticket 12', first.digest, 'UPDATE 1'])
    assert.ok(about.includes(word), `${word} is missing in:\n${about}`);
  assert.ok(lines.some((l) => l.includes('not on a Friday')));
  for (let i = 1; i < records.length; i += 1) assert.ok(Date.parse(records[i].time) >= Date.parse(records[i - 1].time) - 1000);
});

test('an untouched log verifies', async (scope) => {
  const { g } = await history(scope);
  const r = await g.auditVerify();
  assert.equal(r.status, 0, r.err + r.out);
});

const attacks = {
  'a changed word': (lines) => lines.map((l, i) => (i === 3 ? l.replace(/"app"/, '"apq"') : l)),
  'a line left out': (lines) => lines.filter((_, i) => i !== 4),
  'the first line left out': (lines) => lines.slice(1),
  'two lines swapped': (lines) => [...lines.slice(0, 3), lines[4], lines[3], ...lines.slice(5)],
  'a line twice': (lines) => [...lines.slice(0, 4), lines[3], ...lines.slice(4)],
  'a line put in': (lines) => [...lines.slice(0, 4), lines[3].replace(/"time":"[^"]*"/, '"time":"2030-01-01T00:00:00.000Z"'), ...lines.slice(4)],
};

test('verification finds every edit, gap and reordering', async (scope) => {
  const { g, lines, write } = await history(scope);
  for (const [name, attack] of Object.entries(attacks)) {
    const changed = attack(lines);
    assert.notDeepEqual(changed, lines, name);
    write(changed);
    assert.equal((await g.auditVerify()).status, 1, name);
  }
  for (let i = 0; i < lines.length; i += 1) {
    const bytes = Buffer.from(lines[i]);
    const at = Math.floor((bytes.length * (i + 1)) / (lines.length + 1));
    bytes[at] ^= 1;
    write(lines.map((l, n) => (n === i ? bytes.toString('latin1') : l)));
    assert.equal((await g.auditVerify()).status, 1, `byte ${at} of line ${i + 1}: ${lines[i]}`);
  }
  write(lines);
  assert.equal((await g.auditVerify()).status, 0);
});

test('the log goes on over a restart as one chain', async (scope) => {
  const { g, lines } = await history(scope);
  g.status = undefined;
  g.launch();
  await g.listening();
  await g.stop();
  const r = await g.auditVerify();
  assert.equal(r.status, 0, r.err + r.out);
  assert.ok(g.auditText().startsWith(lines.join('\n')));
  assert.ok(g.auditText().trimEnd().split('\n').length > lines.length);
});

test('text of a client reaches the log escaped: one record stays one line', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const held = refused(client.query('DELETE FROM orders WHERE id = 3\n-- "}\n{"forged":true}\r\n\x1b[31m'));
  await g.reject((await g.pending()).id, 'line one\n{"forged":true}');
  await held;
  await g.stop();
  for (const line of g.auditText().trimEnd().split('\n')) {
    const record = JSON.parse(line);
    assert.equal(record.forged, undefined);
    assert.ok(!/[\x00-\x1f\x7f]/.test(line));
  }
  assert.equal((await g.auditVerify()).status, 0);
});
