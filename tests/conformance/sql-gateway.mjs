// node tests/conformance/sql-gateway.mjs FILE...
//
// Statements with known effects (tests/conformance/sql/README.md), each through a real gateway with the ready pack in
// front of a real PostgreSQL (COUNTERSIGN_TEST_PG names its directory) with the schema restored. For each record:
//   - its class is among those that the gateway found, by its own log;
//   - what changes rows, catalogue, privileges or files is never only a read;
//   - what must be held is, and nothing of its effects appears; what must pass gives the same answer as directly.
// Prints what fails, and a closing line.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readLog } from '../lib/audit-log.mjs';
import { BINARY, ROOT, freePort, sleep } from '../lib/harness.mjs';
import { RawClient, fields, front, message, u16, u32 } from '../lib/pgwire.mjs';
import { spawn } from 'node:child_process';
import net from 'node:net';

const PG = process.env.COUNTERSIGN_TEST_PG;
const PG_PORT = Number(readFileSync(join(PG, 'port'), 'utf8'));
const SCHEMA = join(ROOT, 'tests/conformance/sql/base_schema.sql');
const WORK = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'countersign-sql.'));
const SCRATCH = join(WORK, 'scratch'); // both the server's user and ours write there
mkdirSync(SCRATCH);
chmodSync(WORK, 0o755);
chmodSync(SCRATCH, 0o777);
const TURN = 20000; // longest wait for one answer

// --- The server, directly ---------------------------------------------------------------------

const connections = new Map(); // superuser's, by database
async function admin(database) {
  let c = connections.get(database);
  if (!c || c.closed) {
    c = await RawClient.connect({ port: PG_PORT, host: '127.0.0.1' });
    await c.startup({ user: 'postgres', database });
    connections.set(database, c);
  }
  return c;
}
async function leave(database) {
  connections.get(database)?.destroy();
  connections.delete(database);
}
const columns = (body) => {
  const out = [];
  for (let at = 2; at < body.length;) {
    const n = body.readInt32BE(at);
    at += 4;
    out.push(n < 0 ? null : body.toString('utf8', at, at + n));
    at += Math.max(n, 0);
  }
  return out;
};
const utf8 = (text) => Buffer.concat([Buffer.from(text, 'utf8'), Buffer.from([0])]);
const query = (text) => message('Q', utf8(text));
async function sql(text, database = 'postgres') {
  const answer = await (await admin(database)).ask(query(text));
  const error = answer.find((m) => m.type === 'E');
  if (error) throw new Error(`${fields(error.body).M} in: ${text.slice(0, 200)}`);
  return answer.filter((m) => m.type === 'D').map((m) => columns(m.body));
}

// --- What a record may change ------------------------------------------------------------------

const SNAPSHOT = `
SELECT 'rows:' || c.relname, query_to_xml(format('SELECT count(*) AS n, md5(coalesce(string_agg(t::text, '';'' ORDER BY t::text), '''')) AS h FROM ONLY %s t', c.oid::regclass), false, false, '')::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg_temp%'
UNION ALL SELECT 'sequence', string_agg(s.seqrelid::regclass::text || ':' || (query_to_xml(format('SELECT last_value, is_called FROM %s', s.seqrelid::regclass), false, false, '')::text), ',' ORDER BY s.seqrelid) FROM pg_sequence s
UNION ALL SELECT 'schema', md5(concat(
  (SELECT string_agg(concat_ws(' ', oid, relname, relnamespace, relkind, relnatts, relowner, relrowsecurity, relispartition, reloptions), ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384 AND relnamespace::regnamespace::text NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull, attisdropped), ',' ORDER BY attrelid, attnum) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attrelid >= 16384 AND c.relnamespace::regnamespace::text NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', oid, proname, prosrc, proowner, provolatile, prosecdef), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
  (SELECT string_agg(concat_ws(' ', oid, nspname, nspowner), ',' ORDER BY oid) FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', oid, typname, typowner), ',' ORDER BY oid) FROM pg_type WHERE oid >= 16384 AND typnamespace::regnamespace::text NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', oid, enumlabel), ',' ORDER BY oid) FROM pg_enum),
  (SELECT string_agg(concat_ws(' ', oid, tgname, tgenabled), ',' ORDER BY oid) FROM pg_trigger),
  (SELECT string_agg(concat_ws(' ', oid, conname), ',' ORDER BY oid) FROM pg_constraint),
  (SELECT string_agg(concat_ws(' ', oid, rulename, ev_enabled), ',' ORDER BY oid) FROM pg_rewrite WHERE oid >= 16384),
  (SELECT string_agg(concat_ws(' ', oid, polname), ',' ORDER BY oid) FROM pg_policy),
  (SELECT string_agg(concat_ws(' ', oid, extname), ',' ORDER BY oid) FROM pg_extension),
  (SELECT string_agg(concat_ws(' ', oid, srvname), ',' ORDER BY oid) FROM pg_foreign_server),
  (SELECT string_agg(concat_ws(' ', oid, pubname), ',' ORDER BY oid) FROM pg_publication),
  (SELECT string_agg(concat_ws(' ', oid, evtname), ',' ORDER BY oid) FROM pg_event_trigger),
  (SELECT string_agg(concat_ws(' ', adrelid, adnum, adbin), ',' ORDER BY oid) FROM pg_attrdef),
  (SELECT string_agg(description, ',' ORDER BY objoid, objsubid) FROM pg_description WHERE objoid >= 16384)))
UNION ALL SELECT 'privileges', md5(concat(
  (SELECT string_agg(concat_ws(' ', oid, relacl, relowner), ',' ORDER BY oid) FROM pg_class WHERE relnamespace::regnamespace::text NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', oid, proacl, proowner), ',' ORDER BY oid) FROM pg_proc),
  (SELECT string_agg(concat_ws(' ', oid, nspacl), ',' ORDER BY oid) FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'),
  (SELECT string_agg(concat_ws(' ', oid, defaclacl), ',' ORDER BY oid) FROM pg_default_acl),
  (SELECT string_agg(concat_ws(' ', attrelid, attname, attacl), ',' ORDER BY attrelid, attnum) FROM pg_attribute WHERE attacl IS NOT NULL)))
UNION ALL SELECT 'roles', md5(concat(
  (SELECT string_agg(concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolpassword, rolvaliduntil), ',' ORDER BY rolname) FROM pg_authid),
  (SELECT string_agg(concat_ws(' ', roleid, member, admin_option), ',' ORDER BY roleid, member) FROM pg_auth_members)))
UNION ALL SELECT 'settings', concat((SELECT string_agg(concat_ws(' ', setrole, setconfig), ',' ORDER BY setrole) FROM pg_db_role_setting), pg_read_file('postgresql.auto.conf'))
UNION ALL SELECT 'largeobject', concat((SELECT string_agg(m.oid::text || md5(lo_get(m.oid)), ',' ORDER BY m.oid) FROM pg_largeobject_metadata m))
UNION ALL SELECT 'slot', (SELECT string_agg(concat_ws(' ', slot_name, confirmed_flush_lsn), ',' ORDER BY slot_name) FROM pg_replication_slots)
UNION ALL SELECT 'prepared_xact', (SELECT string_agg(gid, ',' ORDER BY gid) FROM pg_prepared_xacts)`;

async function snapshot(database) {
  const all = new Map(await sql(SNAPSHOT, database));
  all.set('files', readdirSync(SCRATCH).sort().join(','));
  return all;
}
const differences = (a, b) => [...new Set([...a.keys(), ...b.keys()])].filter((k) => (a.get(k) ?? '') !== (b.get(k) ?? ''));

// The part of a snapshot in which an effect of the corpus shows; null where it is not a lasting one.
function part(effect) {
  const [kind, what] = effect.split(':');
  if (kind.startsWith('rows_')) return `rows:${what}`;
  return { schema_changed: 'schema', privs_changed: 'privileges', roles_changed: 'roles', file: 'files', largeobject: 'largeobject',
    sequence_changed: 'sequence', slot: 'slot', conf_changed: 'settings', prepared_xact: 'prepared_xact' }[kind] ?? null;
}

// --- Databases: a new one only where the last was changed ---------------------------------------

let made = 0;
const pool = []; // unchanged ones
async function freshDatabase() {
  if (pool.length) return pool.pop();
  const name = `corpus_${process.pid}_${++made}`;
  await sql(`CREATE DATABASE ${name} TEMPLATE ${BASE} STRATEGY file_copy`);
  return name;
}
async function dropDatabase(name) {
  await leave(name);
  for (const [slot] of await sql(`SELECT slot_name FROM pg_replication_slots WHERE NOT active`)) await sql(`SELECT pg_drop_replication_slot('${slot}')`);
  for (const [gid, db] of await sql('SELECT gid, database FROM pg_prepared_xacts')) await sql(`ROLLBACK PREPARED '${gid}'`, db).then(() => leave(db));
  await sql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}
async function cleanCluster() {
  await sql('ALTER SYSTEM RESET ALL');
  await sql('SELECT pg_reload_conf()');
  const roles = await sql(`SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'`);
  for (const [r] of roles) {
    if (!ROLES.has(r)) await sql(`DROP ROLE "${r}"`).catch(() => {});
    else await sql(`ALTER ROLE "${r}" RESET ALL`);
  }
  for (const f of readdirSync(SCRATCH)) execFileSync('rm', ['-rf', join(SCRATCH, f)]);
}
let BASE, ROLES;
async function prepareCluster() {
  BASE = `corpus_base_${process.pid}`;
  for (const [role, options] of [['gi_app', 'LOGIN'], ['gi_ro', 'LOGIN'], ['gi_owner', 'NOLOGIN']])
    await sql(`CREATE ROLE ${role} ${options}`).catch(() => {});
  ROLES = new Set((await sql('SELECT rolname FROM pg_roles')).map(([r]) => r));
  await sql(`CREATE DATABASE ${BASE}`);
  await sql(readFileSync(SCHEMA, 'utf8'), BASE);
  await leave(BASE);
}

// --- The gateway -----------------------------------------------------------------------------------

const gateway = { port: 0, log: '' };
async function startGateway() {
  gateway.port = await freePort();
  gateway.observing = await freePort(); // where nothing is held: what stands behind a hold is found there
  const config = join(WORK, 'countersign.yaml');
  writeFileSync(config, `version: 1
socket: ${join(WORK, 'countersign.sock')}
store: sqlite:countersign.db
audit: { directory: audit }
workers: 1
include: [${join(ROOT, 'packs/postgres-safety.yaml')}]
defaults: { approvals: { from: [dba] } }
resources:
  - name: corpus
    type: postgres
    listen: 127.0.0.1:${gateway.port}
    upstream: postgresql://127.0.0.1:${PG_PORT}
    allow_replication: true
  - name: observed
    type: postgres
    listen: 127.0.0.1:${gateway.observing}
    upstream: postgresql://127.0.0.1:${PG_PORT}
    allow_replication: true
macros:
  pg_safety_applies: "resource.name == 'corpus'"
people:
  ana: { groups: [dba] }
guardrails:
  - name: classes
    on: sql
    when: "true"
    then: hold
    mode: observe
    message: "{sql.classes}"
`);
  gateway.process = spawn(BINARY, ['serve', '-c', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const s of [gateway.process.stdout, gateway.process.stderr]) s.on('data', (d) => { gateway.log += d; });
  gateway.exited = new Promise((done) => { gateway.process.on('exit', done); });
  for (let i = 0; i < 200; i++) {
    const open = await new Promise((done) => {
      const probe = net.connect(gateway.port, '127.0.0.1', () => { probe.destroy(); done(true); });
      probe.on('error', () => done(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`the gateway did not start: ${gateway.log}`);
}
async function stopGateway() {
  gateway.process.kill('SIGTERM');
  await gateway.exited;
}

// What the gateway found about each client, by the client's address: the words of its observing guardrail.
function classesByAddress() {
  const found = new Map();
  for (const record of readLog(join(WORK, 'audit'))) collect(record, found);
  return found;
}
function collect(value, found, address = null) {
  if (value === null || typeof value !== 'object') return;
  const here = typeof value.address === 'string' ? value.address : address;
  if (value.name === 'classes' && typeof value.message === 'string' && here) {
    if (!found.has(here)) found.set(here, new Set());
    for (const w of value.message.match(/[a-z_]+/g) ?? []) found.get(here).add(w);
  }
  const envelope = typeof value.envelope === 'string' ? JSON.parse(value.envelope) : null;
  const inner = addressOf(value) ?? here;
  for (const v of Object.values(value)) collect(v, found, inner);
  if (envelope) collect(envelope, found, inner);
}
const addressOf = (v) => v.context?.address ?? v.subject?.address ?? null;

// --- Playing a record ---------------------------------------------------------------------------------

const INLIST = () => Array.from({ length: 200000 }, (_, i) => i).join(',');
const spelled = (text, database) => text.replaceAll('@PAD1M@', ' '.repeat(1 << 20)).replaceAll('@INLIST@', INLIST())
  .replaceAll('@PAREN10K@', `${'('.repeat(10000)}1${')'.repeat(10000)}`).replace(/\bPORT\b/g, PG_PORT).replace(/\bDB\b/g, database)
  .replaceAll('SCRATCH', SCRATCH);

const isHeld = (m) => m.type === 'N' && /held for approval/.test(fields(m.body).M ?? '');
const isRefused = (m) => m.type === 'E' && (fields(m.body).C ?? '').startsWith('ZC');

class Play {
  constructor(record, database, port, direct) {
    Object.assign(this, { record, database, port, direct });
    this.classes = new Set();   // what the messages themselves are, beside what statements in them are
    this.stopped = false;       // held: nobody approves, so the client would wait for ever
    this.executes = 0;          // since the last Sync
    this.open = false;
  }

  text(t) { return spelled(t, this.database); }

  async connect(parameters = {}) {
    this.client = await RawClient.connect({ port: this.port, host: '127.0.0.1' });
    this.address = `127.0.0.1:${this.client.socket.localPort}`;
    this.client.send(front.startup({ user: this.record.role ?? 'postgres', database: this.database, ...parameters }));
    await this.answered(0);
  }

  // Until ReadyForQuery, COPY asks for data, the end, or a hold.
  async answered(from) {
    const c = this.client;
    await c.until(() => c.closed || c.messages.slice(from).some((m) => 'ZGW'.includes(m.type) || isHeld(m)), 'an answer', TURN);
    if (c.messages.some(isHeld)) this.stopped = true;
    if (c.closed) this.stopped = true;
  }

  async ask(...parts) {
    const from = this.client.messages.length;
    this.client.send(...parts);
    await this.answered(from);
  }

  async bytes(m) {
    const params = (m.params_hex ?? []).map((h) => Buffer.from(h, 'hex'));
    switch (m.t) {
      case 'Query': return query(this.text(m.query));
      case 'QueryHex': return message('Q', Buffer.from(m.hex, 'hex'), Buffer.from([0]));
      case 'Parse': { // types: names, beyond what the corpus has
        const types = [];
        for (const t of m.types ?? []) types.push(Number((await sql(`SELECT '${t}'::regtype::oid`, this.database))[0][0]));
        return message('P', utf8(m.name ?? ''), utf8(this.text(m.query)), u16(types.length), ...types.map(u32));
      }
      case 'Bind': return front.bind(m.portal ?? '', m.stmt ?? '', params.length ? params : (m.params ?? []).map((p) => (p === null ? null : Buffer.from(String(p)))), m.formats ?? []);
      case 'Execute': return front.execute(m.portal ?? '', m.max ?? 0);
      case 'Describe': return front.describe(m.what, m.name ?? '');
      case 'Close': return front.close(m.what, m.name ?? '');
      case 'Sync': return front.sync();
      case 'Flush': return front.flush();
      case 'Terminate': return front.terminate();
      case 'CopyData': return front.copyData(m.data);
      case 'CopyDone': return front.copyDone();
      case 'FunctionCall': {
        const [[oid]] = await sql(`SELECT '${m.func}'::regprocedure::oid`, this.database);
        const args = (m.args_hex ?? []).map((h) => Buffer.from(h, 'hex'));
        return message('F', u32(Number(oid)), u16(1), u16(1), u16(args.length), ...args.flatMap((a) => [u32(a.length), a]), u16(1));
      }
      case 'RawMsg': return message(m.type, Buffer.from(m.hex, 'hex'));
      case 'RawBytes': return Buffer.from(m.hex, 'hex');
      default: throw new Error(`unknown message ${m.t}`);
    }
  }

  // What the protocol itself makes of messages: several statements in one go, a segment left open.
  count(list) {
    let runs = 0;
    for (const m of list) {
      if (m.t === 'Terminate') break;
      if (m.t === 'Query' || m.t === 'QueryHex' || m.t === 'Execute') runs++;
      if (m.t === 'Execute') { this.executes++; this.open = true; }
      if (this.executes > 1) this.classes.add('multi');
      if (m.t === 'Sync') { this.executes = 0; this.open = false; }
    }
    if (runs > 1) this.classes.add('multi');
  }

  async send(m) {
    const c = this.client, inner = m.m === undefined ? [] : [].concat(m.m);
    this.count(inner.length ? inner : [m]);
    switch (m.t) {
      case 'Query': case 'QueryHex': case 'Sync': case 'RawMsg': case 'CopyDone': case 'FunctionCall':
        return this.ask(await this.bytes(m));
      case 'SendOnly':
        return c.send(...await Promise.all(inner.map((x) => this.bytes(x))));
      case 'Raw2':
        return c.send(...await Promise.all(inner.map((x) => this.bytes(x))));
      case 'Dribble':
        return c.dribble(Buffer.concat(await Promise.all(inner.map((x) => this.bytes(x)))));
      case 'Cancel': {
        this.classes.add('session');
        const other = await RawClient.connect({ port: this.port, host: '127.0.0.1' });
        other.send(front.cancel(c.key().pid, 12345));
        await sleep(50);
        return other.destroy();
      }
      case 'CancelDuring': {
        const from = c.messages.length;
        c.send(query(this.text(m.query)));
        await sleep(200);
        const other = await RawClient.connect({ port: this.port, host: '127.0.0.1' });
        other.send(front.cancel(c.key().pid, c.key().secret));
        await this.answered(from);
        return other.destroy();
      }
      case 'Wait': return sleep(300);
      case 'WaitFlush': return sleep(300);
      case 'Close_socket':
        await sleep(100);
        return c.destroy();
      case 'RawBytes':
        c.send(await this.bytes(m));
        return sleep(150);
      default:
        return c.send(await this.bytes(m));
    }
  }

  async raw(hex) {
    this.classes.add('session'); // it is about how a session begins
    const version = 0x30000, who = { user: 'postgres', database: this.database };
    const bytes = {
      'STARTUP:3.99': () => front.startup(who, version + 99),
      'STARTUP:_pq_.foo': () => front.startup({ ...who, '_pq_.foo': '1' }),
      'STARTUP:nouser': () => front.startup({ database: this.database }),
      'STARTUP:noterm': () => { const b = front.startup(who); const cut = b.subarray(0, b.length - 1); cut.writeUInt32BE(cut.length); return cut; },
      'STUFF:ssl': () => Buffer.concat([front.sslRequest(), query('DELETE FROM accounts')]),
      'STUFF:gss': () => Buffer.concat([front.gssRequest(), query('DELETE FROM accounts')]),
    }[hex]?.() ?? Buffer.from(hex, 'hex');
    this.got = Buffer.alloc(0);
    await new Promise((done) => {
      const s = net.connect(this.port, '127.0.0.1', () => s.write(bytes));
      this.address = 'none';
      s.on('data', (d) => { this.got = Buffer.concat([this.got, d]); });
      s.on('error', done);
      s.on('close', done);
      setTimeout(() => { s.destroy(); done(); }, 400);
    });
    if (/SFATAL|SERROR/.test(this.got.toString('latin1'))) this.classes.add('parse_error');
  }

  async run() {
    const r = this.record;
    if (r.raw_startup_hex !== undefined) return this.raw(r.raw_startup_hex);
    const p = Object.fromEntries(Object.entries(r.startup_params ?? {}).map(([k, v]) => [k, this.text(String(v))]));
    await this.connect(p);
    const texts = [...(r.statements ?? []), ...(r.sql === undefined ? [] : [r.sql])];
    for (const t of texts) if (!this.stopped) await this.ask(query(this.text(t)));
    for (const m of r.messages ?? []) {
      if (this.stopped && m.t !== 'Close_socket') break;
      if (this.client.closed) break;
      await this.send(m);
      if (this.client.messages.some(isHeld)) this.stopped = true;
    }
    if (r.messages) await sleep(60);
    return undefined;
  }

  // The verdict as the client saw it.
  conclude() {
    const seen = this.client?.messages ?? [];
    this.held = seen.some(isHeld) || seen.some(isRefused);
    for (const m of seen.filter((x) => x.type === 'E').map((x) => fields(x.body))) {
      const broken = m.S === 'FATAL' && ['08P01', '54000', '28000', '0A000'].includes(m.C);
      const twice = m.C === '42P05' && this.record.messages; // a second Parse of a name is refused before it runs
      if (!broken && !twice) continue;
      this.classes.add('parse_error');
      this.held = true;
    }
    if (this.open) this.classes.add('transaction'); // what no Sync ended, the end of the session rolls back
    this.client?.destroy();
  }

  // What two runs of the same must have in common.
  outcome() {
    return (this.client?.messages ?? []).filter((m) => 'TDCEGHWVIsZ'.includes(m.type))
      .map((m) => (m.type === 'C' ? `C ${m.body}` : m.type === 'E' ? `E ${fields(m.body).C}` : m.type === 'Z' ? `Z ${m.body}` : m.type)).join('\n');
  }
}

// --- Judging ----------------------------------------------------------------------------------------

async function play(record, port, database) {
  for (const s of record.setup ?? []) await sql(spelled(s, database), database);
  const before = await snapshot(database);
  const p = new Play(record, database, port);
  await p.run();
  if (p.stopped) await sleep(20);
  p.conclude();
  await sleep(record.messages || record.raw_startup_hex ? 30 : 5);
  p.changed = differences(before, await snapshot(database));
  return p;
}

async function playOn(record, port) {
  const database = await freshDatabase();
  const p = await play(record, port, database);
  if ((record.setup ?? []).length || p.changed.length) {
    await dropDatabase(database);
    await cleanCluster();
  } else {
    pool.push(database);
  }
  return p;
}

const LASTING = (e) => part(e) !== null;

function complaints(record, p, direct, found) {
  const out = [];
  const classes = new Set([...p.classes, ...found]);
  if (classes.size === 0) classes.add('read'); // nothing was to be run
  p.all = classes;
  const effects = record.verified?.observed_effects ?? [];
  if (!classes.has(record.expected_class)) out.push(`its class ${record.expected_class} is not among those found`);
  if (effects.some(LASTING) && [...classes].every((c) => c === 'read' || c === 'multi')) out.push('it has effects and counts as a read');
  if (p.changed.length && [...classes].every((c) => c === 'read' || c === 'multi')) out.push(`it changed ${p.changed} and counts as a read`);
  if (record.hold === true) {
    if (!p.held) out.push('the pack lets it pass');
    const appeared = effects.map(part).filter((k) => k !== null && p.changed.includes(k));
    if (appeared.length) out.push(`held, and yet there is an effect: ${appeared}`);
  }
  if (record.hold === false) {
    if (p.held) out.push('the pack holds it');
    else if (direct && direct.outcome() !== p.outcome()) out.push(`another answer than directly: ${p.outcome().slice(0, 300)} instead of ${direct.outcome().slice(0, 300)}`);
  }
  return out;
}

async function main(files) {
  const records = files.flatMap((f) => readFileSync(f, 'utf8').split('\n').filter((l) => l.trim()).map((l) => JSON.parse(l)));
  let passed = 0, failed = 0;
  const played = [];
  await prepareCluster();
  await startGateway();
  try {
    for (const record of records) {
      try {
        const direct = record.hold === false ? await playOn(record, PG_PORT) : null;
        const p = await playOn(record, gateway.port);
        const more = p.stopped && (record.messages ?? record.statements ?? []).length > 1;
        played.push({ record, direct, p, rest: more ? await playOn(record, gateway.observing) : null });
      } catch (error) {
        played.push({ record, error });
      }
    }
  } finally {
    await stopGateway();
  }
  const found = classesByAddress();
  for (const { record, p, rest, direct, error } of played) {
    const classes = error ? [] : [...found.get(p.address) ?? [], ...found.get(rest?.address) ?? []];
    const why = error ? [error.message] : complaints(record, p, direct, classes);
    if (why.length === 0) passed++;
    else failed++;
    if (why.length || process.env.VERBOSE) console.log(`${why.length ? 'not ok' : 'ok'} ${record.id}${why.length ? `: ${why.join('; ')}` : ''}; found ${[...(p?.all ?? [])].sort().join(' ')}`);
  }
  for (const d of [...pool, BASE]) await dropDatabase(d);
  for (const c of connections.values()) c.destroy();
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

const files = process.argv.slice(2);
let status = 2;
try {
  status = await main(files);
} catch (error) {
  console.error(`${basename(process.argv[1])}: ${error.stack}`);
} finally {
  rmSync(WORK, { recursive: true, force: true });
}
process.exit(status);
