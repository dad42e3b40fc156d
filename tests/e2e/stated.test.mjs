// What requesters and approvers must state: a reason, a ticket, and that the ticket exists.
import assert from 'node:assert/strict';
import http from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, run, tempDir, test } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const hold = (more) => `guardrails:
  - name: order-changes
    on: sql
    when: "'orders' in sql.tables_written"
    then: hold
    approvals: { from: dba }
${more.map((l) => `    ${l}\n`).join('')}`;
const both = async (scope, more, { top = '', client = {} } = {}) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, guardrails: hold(more), top });
  const c = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database, ...client });
  return { g, client: c };
};

test('without a reason that is demanded nobody is asked, and the error says what to set', async (scope) => {
  const { g, client } = await both(scope, ['reason: required']);
  const e = await refused(client.query('DELETE FROM orders WHERE id = 201'));
  assert.equal(e.code, 'ZC006');
  assert.match(e.message, /must state a reason first/);
  assert.match(e.hint, /SET countersign\.reason = 'why'/);
  assert.equal((await g.requests()).length, 0);
  await client.query("SET countersign.reason = 'doubled by the import of Tuesday'");
  const held = client.query('DELETE FROM orders WHERE id = 201');
  const { id } = await g.pending();
  assert.match((await g.cli(['show', String(id)])).out, /reason\s+│ doubled by the import of Tuesday/);
  await g.approve(id);
  await held;
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 201'), 1);
  assert.equal(g.records().find((x) => x.kind === 'opened').data.context.reason, 'doubled by the import of Tuesday');
  await client.query('RESET countersign.reason');
  assert.equal((await refused(client.query('DELETE FROM orders WHERE id = 202'))).code, 'ZC006');
});

test('a reason for one transaction ends with it; one in the same message, or at the start, counts', async (scope) => {
  const { g, client } = await both(scope, ['reason: required']);
  await client.query('BEGIN');
  await client.query("SET LOCAL countersign.reason = 'only here'");
  const held = refused(client.query('DELETE FROM orders WHERE id = 203'));
  await g.reject((await g.pending()).id, 'no');
  await held;
  await client.query('ROLLBACK');
  assert.equal((await refused(client.query('DELETE FROM orders WHERE id = 204'))).code, 'ZC006');
  const together = client.query("SET countersign.reason = 'in one'; DELETE FROM orders WHERE id = 205");
  await g.approve((await g.pending()).id);
  await together;
  const other = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database, options: "-c countersign.reason=start" });
  const third = other.query('DELETE FROM orders WHERE id = 206');
  const { id } = await g.pending();
  assert.equal((await g.show(id)).context.reason, 'start');
  await g.approve(id);
  await third;
});

test('an approval without the reason that is demanded does not count', async (scope) => {
  const { g, client } = await both(scope, ['reason: { approver: required }']);
  const held = client.query('DELETE FROM orders WHERE id = 207');
  const { id } = await g.pending();
  assert.match((await g.cli(['show', String(id)])).out, /approve \d+ --digest \w+ --reason/);
  const bare = await g.cli(['approve', String(id)]);
  assert.equal(bare.status, 1);
  assert.match(bare.err, /must have a reason here: countersign approve ID --reason TEXT/);
  assert.equal(await g.state(id), 'pending');
  assert.equal((await g.cli(['approve', String(id), '--reason', 'seen with the owner'])).status, 0);
  await held;
});

test('a ticket has the form that the configuration says, and a link to where it is read', async (scope) => {
  const { g, client } = await both(scope, ['ticket: required'],
    { top: "ticket: { pattern: 'OPS-[0-9]+', url: 'https://tracker.example/browse/{ticket}' }" });
  const none = await refused(client.query('DELETE FROM orders WHERE id = 208'));
  assert.match(none.message, /must state a ticket first/);
  assert.match(none.detail, /looks like OPS-\[0-9\]\+/);
  await client.query("SET countersign.ticket = 'OPS-7 or so'");
  assert.match((await refused(client.query('DELETE FROM orders WHERE id = 208'))).message, /`OPS-7 or so` is not the form of a ticket/);
  await client.query("SET countersign.ticket = 'OPS-7'");
  const held = client.query('DELETE FROM orders WHERE id = 208');
  const { id } = await g.pending();
  assert.equal((await g.show(id)).ticket_url, 'https://tracker.example/browse/OPS-7');
  assert.match((await g.cli(['show', String(id)])).out, /ticket\s+OPS-7 +https:\/\/tracker\.example\/browse\/OPS-7/);
  await g.approve(id);
  await held;
});

// Knows OPS-1; is broken about OPS-500; everything else it has never heard of.
const tracker = async (scope) => {
  const asked = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      asked.push({ method: req.method, url: req.url, body });
      const ticket = req.method === 'POST' ? JSON.parse(body).ticket : req.url.split('/').at(-1);
      const status = ticket === 'OPS-500' ? 500 : req.method === 'POST' || ticket === 'OPS-1' ? 200 : 404;
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(req.method === 'POST' && ticket !== 'OPS-1' ? '{"ok":false,"reason":"it is closed"}' : '{}');
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  scope.defer(() => server.close());
  return { asked, url: `http://127.0.0.1:${server.address().port}`, server };
};
const as = async (client, ticket) => {
  await client.query(`SET countersign.ticket = '${ticket}'`);
  return refused(client.query('DELETE FROM orders WHERE id = 209'));
};

test('a ticket that does not exist is refused, one that does opens the request, a silent tracker opens nothing', async (scope) => {
  const t = await tracker(scope);
  const { g, client } = await both(scope, ['ticket: required'], { top: `ticket: { check: '${t.url}/issue/{ticket}' }` });
  const unknown = await as(client, 'OPS-2');
  assert.equal(unknown.code, 'ZC006');
  assert.match(unknown.message, /ticket OPS-2: its tracker does not know it \(it answered 404\)/);
  const broken = await as(client, 'OPS-500');
  assert.equal(broken.code, 'ZC004');
  assert.match(broken.detail, /its tracker answered 500/);
  assert.equal((await as(client, 'a/../b')).code, 'ZC006');
  assert.equal(t.asked.at(-1).url, '/issue/a%2F..%2Fb');
  await client.query("SET countersign.ticket = 'OPS-1'");
  const held = client.query('DELETE FROM orders WHERE id = 210');
  const { id } = await g.pending();
  await g.approve(id);
  await held;
  t.server.closeAllConnections();
  await new Promise((done) => { t.server.close(done); });
  assert.match((await as(client, 'OPS-1')).detail, /its tracker could not be asked/);
  assert.equal(await pg.timesRun('DELETE FROM orders WHERE id = 209'), 0);
  assert.ok(g.records().some((x) => x.kind === 'submission_refused' && /OPS-2/.test(x.data.why)));
});

test('a webhook is told what it is about, and its no has a reason', async (scope) => {
  const t = await tracker(scope);
  const { client } = await both(scope, ['ticket: required'], { top: `ticket: { check: '${t.url}/hook' }` });
  assert.match((await as(client, 'OPS-3')).message, /ticket OPS-3: it is closed/);
  const { method, body } = t.asked.at(-1);
  assert.equal(method, 'POST');
  assert.deepEqual(JSON.parse(body), { ticket: 'OPS-3', subject: 'app', person: '', resource: 'shop', guardrails: 'order-changes' });
});

test('what is wrong about reasons and tickets is found when the file is loaded', async (scope) => {
  const dir = tempDir(scope);
  const check = async (top, more) => {
    writeFileSync(join(dir, 'c.yaml'), `version: 1
${top}
resources: [{ name: shop, type: postgres, listen: '127.0.0.1:1', upstream: 'postgresql://x' }]
people: { ana: { groups: dba }, bo: { groups: dba } }
${hold([more])}`);
    const r = await run(BINARY, ['check', '-c', join(dir, 'c.yaml')]);
    return r.out + r.err;
  };
  assert.match(await check("ticket: { pattern: 'OPS-(' }", 'ticket: required'), /c\.yaml:2:\d+: error: this pattern cannot be compiled/);
  assert.match(await check("ticket: { check: 'tracker/x' }", 'ticket: required'), /2:\d+: error: `tracker\/x` is not a URL/);
  assert.match(await check('', 'reason: needed'), /error: .*`needed`[^]*required/);
  assert.match(await check('', 'reason: { aprover: required }'), /error: unknown key `aprover`[^]*approver/);
});
