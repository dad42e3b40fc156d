// A gateway of the test's own: configuration, process, command line.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { readLeaves, readLog } from './audit-log.mjs';
import { BINARY, freePort, run, tempDir, until } from './harness.mjs';

// Who may decide in the tests. The user who runs the tests is ana on the local socket, `daemon` is
// bo, `games` has no say; accounts of the database with these names are theirs.
const PEOPLE = `people:
  ana: { groups: [dba], os_users: [${userInfo().username}] }
  bo: { groups: [dba, leads], os_users: [daemon] }
  cleo: { groups: [support], os_users: [games] }
`;

// Statements that change table `orders` are held, those that touch `secrets` denied, the rest passes.
export const GUARDRAILS = `guardrails:
  - name: order-changes
    on: sql
    when: "'orders' in sql.tables_written"
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    decide_within: 5m
    run_within: 1m
    message: "{subject.name} wants to change orders"
  - name: prepared-elsewhere
    on: sql
    when: sql.command == 'EXECUTE'
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    message: "runs what was prepared"
  - name: secrets-stay
    on: sql
    when: "'secrets' in sql.tables"
    then: deny
    message: "the table secrets is not for this gateway"
  - name: unreadable
    on: sql
    when: sql.parse_error != ''
    then: hold
    approvals: [{ from: [dba], count: 1 }]
    message: "this statement could not be understood"
`;

export class Gateway {
  // upstream: {host, port}. resource and top: more YAML lines of the resource and of the file.
  static async start(scope, { upstream, guardrails = GUARDRAILS, resource = '', top = '', workers = 1, api = false,
    environment = 'production', listen = [], expectFailure = false, env = {}, audit = 'audit', record = 'matched', dir = tempDir(scope) } = {}) {
    const g = new Gateway();
    Object.assign(g, { dir, env, audit, port: await freePort(), apiPort: api ? await freePort() : 0 });
    g.socket = join(dir, 'countersign.sock');
    g.config = join(dir, 'countersign.yaml');
    g.settings = { upstream, guardrails, resource, top, workers, environment, listen, record };
    g.writeConfig();
    g.launch();
    scope.defer(() => g.stop());
    if (!expectFailure) await g.listening();
    return g;
  }

  writeConfig(change = {}) {
    const s = Object.assign(this.settings, change);
    writeFileSync(this.config, `version: 1
${this.apiPort ? `api: 127.0.0.1:${this.apiPort}\n` : ''}socket: ${this.socket}
store: sqlite:countersign.db
audit: { directory: ${this.audit}, record: ${s.record} }
workers: ${s.workers}
${s.top}
resources:
  - name: shop
    type: postgres
    listen: [${[`127.0.0.1:${this.port}`, ...s.listen].join(', ')}]
    upstream: ${s.upstream.unix ? `unix:${s.upstream.unix}` : `postgresql://${s.upstream.host ?? '127.0.0.1'}:${s.upstream.port}`}
    labels: { environment: ${s.environment} }
${s.resource.split('\n').filter(Boolean).map((l) => `    ${l}\n`).join('')}
${PEOPLE}
${s.guardrails}`);
  }

  launch() {
    this.log = '';
    this.process = spawn(BINARY, ['serve', '-c', this.config], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (d) => { this.log += d; });
    this.exited = new Promise((done) => { this.process.on('exit', (status, signal) => done(status ?? signal)); });
    this.exited.then((status) => { this.status = status; });
  }

  // Accepts clients, and answers the command line.
  async listening() {
    const accepts = () => new Promise((done) => {
      const probe = net.connect(this.port, '127.0.0.1', () => { probe.destroy(); done(true); });
      probe.on('error', () => done(false));
    });
    await until(async () => {
      if (this.status !== undefined) throw new Error(`the gateway ended (${this.status}): ${this.log}`);
      return existsSync(this.socket) && await accepts() && await this.answers();
    }, () => `the gateway to listen; it said: ${this.log}`);
  }

  // The broker answers people.
  answers() { return this.http('GET', '/v1/requests').then((r) => r.status === 200, () => false); }

  async stop(signal = 'SIGTERM') {
    if (this.status === undefined) this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 15000);
    await this.exited;
    clearTimeout(timer);
    this.keepRecords();
    const bad = /^.*(Sanitizer|runtime error:|Assertion|ended by signal (4|6|7|8|11)\b)[^]*/m.exec(this.log);
    if (bad) throw new Error(`the gateway broke: ${bad[0].slice(0, 4000)}`);
  }

  // The children of the keeper by what they are: {broker: [pid], worker: [pid, …]}.
  children() {
    const kinds = { broker: [], worker: [] };
    for (const pid of readdirSync('/proc').filter((d) => /^\d+$/.test(d))) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== this.process.pid) continue;
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const kind = ['broker', 'worker'].find((k) => words.includes(k));
        if (kind) kinds[kind].push(Number(pid));
      } catch { /* it ended meanwhile */ }
    }
    return kinds;
  }

  // The command line, as another user of the machine where `as` says so.
  cli(args, { as, token, url, input, timeout } = {}) {
    const env = { COUNTERSIGN_SOCKET: this.socket };
    if (token) Object.assign(env, { COUNTERSIGN_TOKEN: token, COUNTERSIGN_URL: url ?? `http://127.0.0.1:${this.apiPort}` });
    return as ? run('setpriv', [`--reuid=${as}`, `--regid=${as}`, '--clear-groups', BINARY, ...args], { env, input, timeout })
      : run(BINARY, args, { env, input, timeout });
  }

  // One call of the HTTP API: over the local socket as the user who runs the tests, or with a token.
  http(method, path, { token, body } = {}) {
    const headers = { host: 'localhost', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    const where = token === undefined ? { socketPath: this.socket } : { host: '127.0.0.1', port: this.apiPort };
    return new Promise((done, fail) => {
      const call = http.request({ ...where, method, path, headers, agent: false }, (res) => {
        let answer = '';
        res.setEncoding('utf8');
        res.on('data', (d) => { answer += d; });
        res.on('end', () => done({ status: res.statusCode, text: answer, get json() { return JSON.parse(answer); } }));
      });
      call.on('error', fail);
      call.end(text);
    });
  }

  async #get(path) {
    const r = await this.http('GET', path);
    if (r.status !== 200) throw new Error(`GET ${path}: ${r.status} ${r.text}`);
    return r.json;
  }

  async requests(state) { return (await this.#get(`/v1/requests${state ? `?state=${state}` : ''}`)).requests; }

  // Waits until exactly `count` requests are pending; gives the newest.
  async pending(count = 1, ms) {
    const list = await until(async () => {
      const all = await this.requests('pending');
      return all.length === count && all;
    }, () => `${count} pending request(s); the gateway said: ${this.log}`, ms);
    return list.reduce((a, b) => (a.id > b.id ? a : b));
  }

  // Everything about a request; `action` is what its envelope says would happen.
  async show(id) {
    const r = await this.#get(`/v1/requests/${id}`);
    return Object.assign(r, { action: JSON.parse(r.envelope).action });
  }

  async state(id) { return (await this.show(id)).state; }

  reaches(id, state, ms) {
    return until(async () => (await this.state(id)) === state, `request ${id} to be ${state}`, ms);
  }

  // A vote for what the request is now; gives the answer, whatever it is.
  async vote(word, id, reason) {
    const { digest } = await this.show(id);
    return this.http('POST', `/v1/requests/${id}/${word}`, { body: { digest, ...(reason === undefined ? {} : { reason }) } });
  }

  async approve(id, reason) {
    const r = await this.vote('approve', id, reason);
    if (r.status !== 200) throw new Error(`approve ${id}: ${r.status} ${r.text}`);
  }

  async reject(id, reason) {
    const r = await this.vote('reject', id, reason);
    if (r.status !== 200) throw new Error(`reject ${id}: ${r.status} ${r.text}`);
  }

  // Every record of every test meets the published schema at the end of the run (scripts/test).
  keepRecords() {
    const file = process.env.COUNTERSIGN_TEST_LEAVES;
    if (!file || this.kept === this.process) return;
    this.kept = this.process;
    appendFileSync(file, readLeaves(this.auditDir).map((l) => `${l}\n`).join(''));
  }

  get auditDir() { return resolve(this.dir, this.audit.split(',')[0]); }

  // Every record of the log on a line of JSON, with what stands apart put back.
  auditText() { return readLog(this.auditDir).map((r) => `${JSON.stringify(r)}\n`).join(''); }

  // The records of the log, parsed.
  records() { return readLog(this.auditDir); }

  auditVerify() { return this.cli(['audit', 'verify', '-c', this.config]); }
}
