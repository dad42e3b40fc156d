// Groups whose members change with time: a schedule, a webhook.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const HOLD = `guardrails:
  - name: order-changes
    on: sql
    when: "'orders' in sql.tables_written"
    then: hold
    approvals: { from: oncall }
`;
const stamp = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
const event = (who, from, to) => `BEGIN:VEVENT\r\nUID:${who}\r\nSUMMARY:${who}\r\nDTSTART:${stamp(from)}\r\nDTEND:${stamp(to)}\r\nEND:VEVENT\r\n`;
const calendar = (...events) => `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${events.join('')}END:VCALENDAR\r\n`;
const connect = (scope, g) => nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
const games = { as: 'games' };

test('whoever is on duty by the schedule decides, and a shift that ends hands over', async (scope) => {
  const dir = tempDir(scope);
  const file = join(dir, 'oncall.ics');
  writeFileSync(file, calendar(event('cleo', -3600, 5), event('bo', 5, 3600)));
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: HOLD, top: 'groups: { oncall: { schedule: oncall.ics } }', dir });
  const client = await connect(scope, g);
  const first = client.query('DELETE FROM orders WHERE id = 301');
  const { id } = await g.pending();
  assert.deepEqual((await g.show(id)).requirements[0].candidates, ['cleo']);
  assert.equal((await g.cli(['approve', String(id)])).status, 1);
  assert.equal((await g.cli(['approve', String(id)], games)).status, 0);
  await first;
  assert.match((await g.cli(['show', String(id)])).out, /cleo.*on duty: oncall/);
  assert.equal(g.records().find((x) => x.kind === 'vote').data.on_duty, 'oncall');
  const second = client.query('DELETE FROM orders WHERE id = 302');
  const next = await g.pending();
  await until(async () => (await g.show(next.id)).requirements[0].candidates.join() === 'bo', 'the shift to end');
  assert.equal((await g.cli(['approve', String(next.id)], games)).status, 1);
  assert.equal((await g.cli(['approve', String(next.id)], { as: 'daemon' })).status, 0);
  await second;
  // Another schedule, and then nobody: said at once.
  writeFileSync(file, calendar(event('cleo', -7200, -3600)));
  g.process.kill('SIGHUP');
  await until(() => g.records().some((x) => x.kind === 'policy'), 'the new schedule');
  await until(async () => /needs 1 of oncall, and nobody besides the requester is that/.test((await refused(client.query('DELETE FROM orders WHERE id = 303'))).detail), 'nobody to be on duty');
});

test('a schedule that is not understood does not load, with the line in its own file', async (scope) => {
  const dir = tempDir(scope);
  const check = async (text) => {
    writeFileSync(join(dir, 'oncall.ics'), text);
    writeFileSync(join(dir, 'c.yaml'), `version: 1
resources: [{ name: shop, type: postgres, listen: '127.0.0.1:1', upstream: 'postgresql://x' }]
people: { ana: { groups: dba }, bo: { accounts: bo@example.com } }
groups: { oncall: { schedule: oncall.ics } }
${HOLD}`);
    const r = await run(BINARY, ['check', '-c', join(dir, 'c.yaml')]);
    return r.out + r.err;
  };
  assert.match(await check(calendar(event('ana', 0, 60)).replace('END:VEVENT', 'RRULE:FREQ=MONTHLY\r\nEND:VEVENT')), /oncall\.ics:8:\d+: error: FREQ=MONTHLY of a rule is not understood/);
  assert.match(await check(calendar(event('zoe', 0, 60))), /oncall\.ics:3:\d+: warning: nobody under `people:` is `zoe`/);
  assert.match(await check('<html>'), /oncall\.ics:1:\d+: error: this is no line of an iCalendar file/);
  assert.doesNotMatch(await check(calendar(event('x', 0, 60).replace('SUMMARY', 'ATTENDEE:mailto:bo@example.com\r\nSUMMARY'))), /error|warning/);
});

test('a webhook says who is on duty; when it is silent for too long nobody is', async (scope) => {
  let answer = '{"people":["cleo","somebody else"]}', status = 200;
  const server = http.createServer((req, res) => { res.writeHead(status); res.end(answer); });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  scope.defer(() => { server.closeAllConnections(); server.close(); });
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: HOLD,
    top: `groups: { oncall: { webhook: 'http://127.0.0.1:${server.address().port}/', refresh: 200ms, stale: 2s } }` });
  const client = await connect(scope, g);
  await until(() => g.records().some((x) => x.kind === 'duty' && x.data.people === 'cleo'), 'the webhook to be heard');
  const held = client.query('DELETE FROM orders WHERE id = 304');
  const { id } = await g.pending();
  assert.deepEqual((await g.show(id)).requirements[0].candidates, ['cleo']);
  assert.equal((await g.cli(['approve', String(id)], games)).status, 0);
  await held;
  answer = 'oops';
  await until(() => g.records().some((x) => x.kind === 'duty_unknown'), 'it to be stale');
  assert.match((await refused(client.query('DELETE FROM orders WHERE id = 305'))).detail, /needs 1 of oncall/);
  answer = '["bo"]';
  status = 500;
  await new Promise((done) => { setTimeout(done, 500); });
  assert.match((await refused(client.query('DELETE FROM orders WHERE id = 305'))).detail, /needs 1 of oncall/);
  status = 200;
  await until(() => g.records().some((x) => x.kind === 'duty' && x.data.people === 'bo'), 'it to be heard again');
});
