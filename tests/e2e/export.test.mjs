// Records to other systems: every one arrives, in order, whole, whatever ends in between and whatever their texts hold.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { nodeClient, refused } from '../lib/clients.mjs';
import { Gateway } from '../lib/gateway.mjs';
import { BINARY, ROOT, freePort, run, tempDir, test, until } from '../lib/harness.mjs';
import { Postgres } from '../lib/postgres.mjs';

const pg = await Postgres.start();
const RECORDS = 4000;

// A log of RECORDS records that no gateway writes.
const made = tempDir();
assert.equal((await run(join(ROOT, 'build/tests/bench/log-make'), [join(made, 'log'), String(RECORDS)])).status, 0);
process.on('exit', () => rmSync(made, { recursive: true, force: true }));
const LOG = join(made, 'log');

const exporting = (...args) => run(BINARY, ['audit', 'export', '--log', LOG, ...args]);
async function exported(...args) {
  const r = await exporting(...args);
  assert.equal(r.status, 0, r.err);
  return r.out;
}
const lines = (text) => text.split('\n').slice(0, -1);
const seqs = (text) => lines(text).map((l) => JSON.parse(l).seq);
const counting = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

// RFC 4180, strictly: every field quoted, CRLF.
function csvRows(text) {
  const rows = [];
  for (let i = 0; i < text.length;) {
    const row = [];
    for (;;) {
      assert.equal(text[i], '"', `a field begins with a quote at ${i}`);
      let field = '';
      for (i += 1; ; i += 1) {
        assert.ok(i < text.length, 'a field ends');
        if (text[i] !== '"') field += text[i];
        else if (text[i + 1] === '"') { field += '"'; i += 1; } else break;
      }
      row.push(field);
      i += 1;
      if (text[i] === ',') { i += 1; continue; }
      assert.equal(text.slice(i, i + 2), '\r\n', `a row ends in CRLF at ${i}`);
      i += 2;
      break;
    }
    rows.push(row);
  }
  return rows;
}

// RFC 5425: MSG-LEN SP SYSLOG-MSG. Gives whole messages and what is left.
function octetCounted(bytes) {
  const messages = [];
  let at = 0;
  for (;;) {
    const space = bytes.indexOf(0x20, at);
    if (space < 0) break;
    const digits = bytes.toString('latin1', at, space);
    assert.match(digits, /^[1-9][0-9]*$/);
    const end = space + 1 + Number(digits);
    if (end > bytes.length) break;
    messages.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}

const SYSLOG = /^<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) countersign - ([!-~]{1,32}) \[meta sequenceId="(\d+)"\] (\{.*\})$/s;
function syslogSeq(message) {
  const m = SYSLOG.exec(message);
  assert.ok(m, message.slice(0, 200));
  assert.equal(Math.floor(m[1] / 8), 13);
  const record = JSON.parse(m[6]);
  assert.equal(record.seq, Number(m[5]));
  return record.seq;
}

// A receiver of syslog over TLS. `limit`: it dies when it has that many messages.
class Receiver {
  messages = [];
  sockets = new Set();

  static async start(scope, { port, limit = Infinity, certificate = pg.certificate } = {}) {
    const r = new Receiver();
    r.port = port ?? await freePort();
    r.server = tls.createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, (socket) => {
      let rest = Buffer.alloc(0);
      r.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (d) => {
        const got = octetCounted(Buffer.concat([rest, d]));
        rest = Buffer.from(got.rest);
        for (const m of got.messages) {
          if (r.messages.length >= limit) { r.die(); return; }
          r.messages.push(m);
        }
      });
    });
    r.server.on('tlsClientError', () => {});
    await new Promise((done) => { r.server.listen(r.port, '127.0.0.1', done); });
    scope.defer(() => r.die());
    return r;
  }

  die() {
    for (const s of this.sockets) s.destroy();
    this.server.close();
  }

  get to() { return `tls://127.0.0.1:${this.port}`; }
}

test('JSON lines, OCSF and syslog hold every record once and in order', async () => {
  assert.deepEqual(seqs(await exported()), counting(1, RECORDS));
  assert.deepEqual(lines(await exported('--format', 'ocsf')).map((l) => JSON.parse(l).unmapped.record.seq), counting(1, RECORDS));
  assert.deepEqual(lines(await exported('--format', 'syslog')).map(syslogSeq), counting(1, RECORDS));
  const rows = csvRows(await exported('--format', 'csv'));
  assert.deepEqual(rows[0].slice(0, 3), ['seq', 'time', 'kind']);
  assert.deepEqual(rows.slice(1).map((r) => Number(r[0])), counting(1, RECORDS));
  assert.ok(rows.every((r) => r.length === rows[0].length));
});

test('OCSF events have what version 1.2.0 of the schema requires', async () => {
  const all = lines(await exported('--format', 'ocsf')).map((l) => JSON.parse(l));
  for (const e of all) {
    assert.equal(e.type_uid, e.class_uid * 100 + e.activity_id);
    assert.equal(e.category_uid, 6);
    assert.ok([0, 1, 2, 3, 4].includes(e.severity_id) && Number.isInteger(e.time) && e.time > 1.7e12);
    assert.equal(e.metadata.version, '1.2.0');
    assert.ok(e.metadata.product.vendor_name && (e.actor.user?.name || e.actor.app_name));
    assert.ok(e.src_endpoint.ip || e.src_endpoint.svc_name);
    if (e.class_uid === 6005) assert.ok(e.database.name && Number.isInteger(e.database.type_id) && e.query_info.query_string);
    else assert.ok(e.class_uid === 6003 && e.api.operation);
  }
  const outcomes = (o) => all.filter((e) => e.unmapped.outcome === o);
  assert.ok(outcomes('denied').length > 0 && outcomes('denied').every((e) => e.status_id === 2 && e.class_uid === 6005));
  assert.ok(outcomes('allowed').some((e) => e.activity_id === 4) && outcomes('allowed').some((e) => e.activity_id === 5));
});

test('a file is continued where it was, and what was written of an unconfirmed batch is not there twice', async (scope) => {
  const dir = tempDir(scope);
  const [file, cursor] = [join(dir, 'out.csv'), join(dir, 'cursor')];
  const args = ['--format', 'csv', '--to', file, '--cursor', cursor];
  await exported(...args);
  assert.equal(JSON.parse(readFileSync(cursor)).next, RECORDS + 1);
  appendFileSync(file, '"4001","half of a rec'); // as a crash would leave it
  await exported(...args);
  const rows = csvRows(readFileSync(file, 'utf8'));
  assert.deepEqual(rows.slice(1).map((r) => Number(r[0])), counting(1, RECORDS));
  const kept = readFileSync(cursor, 'utf8');
  writeFileSync(cursor, kept.replace(/"leaf":"../, '"leaf":"zz'));
  assert.equal((await exporting(...args)).status, 1);
  writeFileSync(cursor, kept.replace(/"next":\d+/, '"next":17'));
  const other = await exporting(...args);
  assert.equal(other.status, 1);
  assert.match(other.err, /another log/);
});

test('a killed export loses nothing: the file ends as if it had never been', async (scope) => {
  const dir = tempDir(scope);
  const [file, cursor] = [join(dir, 'out.jsonl'), join(dir, 'cursor')];
  const args = ['audit', 'export', '--log', LOG, '--to', file, '--cursor', cursor];
  for (let i = 0; i < 6; i += 1) {
    const child = spawn(BINARY, args, { stdio: 'ignore' });
    setTimeout(() => child.kill('SIGKILL'), 5 + i * 12);
    await new Promise((done) => { child.on('exit', done); });
  }
  assert.equal((await run(BINARY, args)).status, 0);
  assert.deepEqual(seqs(readFileSync(file, 'utf8')), counting(1, RECORDS));
});

test('a receiver that dies in the middle has every record in the end', async (scope) => {
  const dir = tempDir(scope);
  const cursor = join(dir, 'cursor');
  const dying = await Receiver.start(scope, { limit: 1500 });
  const args = ['--format', 'syslog', '--to', dying.to, '--ca', pg.ca, '--cursor', cursor];
  assert.equal((await exporting(...args)).status, 3);
  assert.equal(JSON.parse(readFileSync(cursor)).next, 1, 'nothing was confirmed');
  const next = await Receiver.start(scope, { port: dying.port });
  await exported(...args);
  const got = [...dying.messages, ...next.messages].map(syslogSeq);
  assert.deepEqual([...new Set(got)].sort((a, b) => a - b), counting(1, RECORDS));
  assert.deepEqual(next.messages.map(syslogSeq), counting(1, RECORDS));
  assert.equal(JSON.parse(readFileSync(cursor)).next, RECORDS + 1);
});

test('a receiver that reads and never says that it has everything confirms nothing', async (scope) => {
  const cursor = join(tempDir(scope), 'cursor');
  const r = await Receiver.start(scope, { limit: RECORDS - 1 });
  assert.equal((await exporting('--format', 'syslog', '--to', r.to, '--ca', pg.ca, '--cursor', cursor)).status, 3);
  assert.equal(JSON.parse(readFileSync(cursor)).next, 1);
});

test('a receiver whose certificate is not for it, or not from whom it should be, is sent nothing', async (scope) => {
  const r = await Receiver.start(scope);
  for (const args of [['--to', r.to], ['--to', `tls://127.0.0.2:${r.port}`, '--ca', pg.ca]]) {
    const done = await exporting('--format', 'syslog', ...args);
    assert.equal(done.status, 3, done.err);
  }
  assert.equal(r.messages.length, 0);
});

test('--follow sends what is recorded later, waits for a receiver that is away, and ends when asked', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, record: 'all' });
  const cursor = join(g.dir, 'cursor');
  const first = await Receiver.start(scope);
  const child = spawn(BINARY, ['audit', 'export', '-c', g.config, '--format', 'syslog', '--to', first.to, '--ca', pg.ca, '--cursor', cursor, '--follow'], { stdio: 'ignore' });
  scope.defer(() => child.kill('SIGKILL'));
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  await client.query("SELECT 'while it is there'");
  await until(() => first.messages.some((m) => m.includes('while it is there')) && JSON.parse(readFileSync(cursor)).next > 1, 'the record');
  first.die();
  await client.query("SELECT 'while it is away'");
  const second = await Receiver.start(scope, { port: first.port });
  await until(() => second.messages.some((m) => m.includes('while it is away')), 'the record after the receiver is back', 20000);
  child.kill('SIGTERM');
  assert.equal(await new Promise((done) => { child.on('exit', done); }), 0);
  const got = new Set([...first.messages, ...second.messages].map(syslogSeq));
  const { next } = JSON.parse(readFileSync(cursor));
  for (const seq of counting(1, next - 1)) assert.ok(got.has(seq), `record ${seq}`);
});

test('no text of a record breaks a format, and none is a formula', async (scope) => {
  const g = await Gateway.start(scope, { upstream: pg.upstream, record: 'all' });
  const client = await nodeClient(scope, { host: '127.0.0.1', port: g.port, user: 'app', database: pg.database });
  const texts = ['=cmd|"/c calc"!A1', '\t=1+1', '@SUM(1)', '"quoted","and\r\nbroken"', 'line\nline\r\n7 <13>1 forged', '\u2028\u2029\u0085', '\\", "kind":"forged"}\n{"seq":1}', "'; --", '\uff1d1+1', '\u0001\u001b[2J'];
  for (const t of texts) {
    const held = refused(client.query(`DELETE FROM orders WHERE id = 1 -- ${t.replaceAll('\n', '\n-- ')}`));
    await g.reject((await g.pending()).id, t);
    await held;
  }
  await client.end();
  await g.stop();
  const out = async (format) => {
    const r = await g.cli(['audit', 'export', '-c', g.config, '--format', format]);
    assert.equal(r.status, 0, r.err);
    return r.out;
  };
  const records = lines(await out('jsonl')).map((l) => JSON.parse(l));
  const all = counting(1, records.length);
  assert.deepEqual(records.map((r) => r.seq), all);
  for (const t of texts) assert.ok(records.some((r) => r.data.reason === t), JSON.stringify(t));
  assert.deepEqual(lines(await out('ocsf')).map((l) => JSON.parse(l).unmapped.record.seq), all);
  assert.deepEqual(lines(await out('syslog')).map(syslogSeq), all);
  const csv = await out('csv');
  assert.ok(!/[\x00-\x09\x0b\x0c\x0e-\x1f]/.test(csv));
  const rows = csvRows(csv).slice(1);
  assert.deepEqual(rows.map((r) => Number(r[0])), all);
  assert.equal(csv.split('\n').length, all.length + 2, 'one line a record');
  for (const row of rows) for (const field of row) assert.ok(!/^[\s]*[=+\-@|%\uff1d]/.test(field), field);
  rows.forEach((row, i) => assert.deepEqual(JSON.parse(row.at(-1)), records[i].data));
});

test('wrong use is said', async () => {
  for (const args of [['--format', 'xml'], ['--to', 'tls://'], ['--since', 'x'], ['--to', 'tls://localhost:1', '--cert', 'x']])
    assert.equal((await exporting(...args)).status, 2, args.join(' '));
  assert.equal((await exporting('--to', '/nonexistent/out')).status, 1);
  assert.equal((await exporting('--to', 'tls://127.0.0.1:1', '--ca', pg.ca)).status, 3);
});
