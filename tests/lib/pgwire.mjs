// PostgreSQL's protocol 3.0 as bytes: builders for both sides, a splitter, and a raw client whose
// every write is the test's own. Nothing here knows the gateway.
import net from 'node:net';

const cstr = (s) => Buffer.concat([Buffer.from(s, 'latin1'), Buffer.from([0])]);
export const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16BE(n & 0xffff); return b; };
export const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n >>> 0); return b; };
const bytes = (x) => (Buffer.isBuffer(x) ? x : Buffer.from(String(x)));

export const message = (type, ...parts) => {
  const body = Buffer.concat(parts.map((p) => (Buffer.isBuffer(p) ? p : Buffer.from(p))));
  return Buffer.concat([Buffer.from(type, 'latin1'), u32(body.length + 4), body]);
};
const packet = (...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 4), body]);
};

export const front = {
  startup: (parameters, version = 0x30000) =>
    packet(u32(version), ...Object.entries(parameters).flatMap(([k, v]) => [cstr(k), cstr(v)]), Buffer.from([0])),
  startupPairs: (pairs, version = 0x30000) =>
    packet(u32(version), ...pairs.flatMap(([k, v]) => [cstr(k), cstr(v)]), Buffer.from([0])),
  sslRequest: () => packet(u32(80877103)),
  gssRequest: () => packet(u32(80877104)),
  cancel: (pid, secret) => packet(u32(80877102), u32(pid), Buffer.isBuffer(secret) ? secret : u32(secret)),
  query: (sql) => message('Q', cstr(sql)),
  parse: (name, sql, types = []) => message('P', cstr(name), cstr(sql), u16(types.length), ...types.map(u32)),
  bind: (portal, statement, values = [], formats = [], resultFormats = []) =>
    message('B', cstr(portal), cstr(statement), u16(formats.length), ...formats.map(u16), u16(values.length),
      ...values.flatMap((v) => (v === null ? [u32(0xffffffff)] : [u32(bytes(v).length), bytes(v)])),
      u16(resultFormats.length), ...resultFormats.map(u16)),
  describe: (what, name) => message('D', what, cstr(name)),
  execute: (portal, rows = 0) => message('E', cstr(portal), u32(rows)),
  close: (what, name) => message('C', what, cstr(name)),
  sync: () => message('S'),
  flush: () => message('H'),
  terminate: () => message('X'),
  copyData: (data) => message('d', bytes(data)),
  copyDone: () => message('c'),
  copyFail: (why) => message('f', cstr(why)),
  password: (text) => message('p', cstr(text)),
  functionCall: (oid, args) =>
    message('F', u32(oid), u16(0), u16(args.length), ...args.flatMap((a) => [u32(bytes(a).length), bytes(a)]), u16(0)),
};

export const back = {
  authOk: () => message('R', u32(0)),
  authCleartext: () => message('R', u32(3)),
  parameter: (k, v) => message('S', cstr(k), cstr(v)),
  keyData: (pid, secret) => message('K', u32(pid), Buffer.isBuffer(secret) ? secret : u32(secret)),
  ready: (state = 'I') => message('Z', state),
  rowDescription: (...names) =>
    message('T', u16(names.length), ...names.flatMap((n) => [cstr(n), u32(0), u16(0), u32(25), u16(0xffff), u32(0xffffffff), u16(0)])),
  row: (...values) => message('D', u16(values.length), ...values.flatMap((v) => [u32(bytes(v).length), bytes(v)])),
  complete: (tag) => message('C', cstr(tag)),
  error: (code, text, severity = 'ERROR') => message('E', cstr(`S${severity}`), cstr(`V${severity}`), cstr(`C${code}`), cstr(`M${text}`), Buffer.from([0])),
  notice: (text) => message('N', cstr('SNOTICE'), cstr('VNOTICE'), cstr('C00000'), cstr(`M${text}`), Buffer.from([0])),
  notification: (pid, channel, payload) => message('A', u32(pid), cstr(channel), cstr(payload)),
  parseComplete: () => message('1'),
  bindComplete: () => message('2'),
  closeComplete: () => message('3'),
  noData: () => message('n'),
  parameterDescription: (...types) => message('t', u16(types.length), ...types.map(u32)),
  emptyQuery: () => message('I'),
  copyIn: (columns = 1) => message('G', Buffer.from([0]), u16(columns), ...Array(columns).fill(u16(0))),
  copyOut: (columns = 1) => message('H', Buffer.from([0]), u16(columns), ...Array(columns).fill(u16(0))),
  functionResult: (value) => message('V', u32(bytes(value).length), bytes(value)),
};

// The fields of an ErrorResponse or NoticeResponse by their letter.
export function fields(body) {
  const all = {};
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at + 1);
    all[String.fromCharCode(body[at])] = body.toString('utf8', at + 1, end);
    at = end + 1;
  }
  return all;
}

// One word a message, for comparing whole conversations.
export function describe({ type, body }) {
  switch (type) {
    case 'E': return `error ${fields(body).C}`;
    case 'N': return 'notice';
    case 'Z': return `ready ${String.fromCharCode(body[0])}`;
    case 'C': return `complete ${body.toString('latin1', 0, body.length - 1)}`;
    case 'R': return `auth ${body.readUInt32BE(0)}`;
    default: return {
      S: 'parameter', K: 'key', T: 'row description', D: 'row', 1: 'parsed', 2: 'bound', 3: 'closed', n: 'no data', t: 'parameters',
      I: 'empty', A: 'notification', G: 'copy in', H: 'copy out', W: 'copy both', d: 'copy data', c: 'copy done', s: 'suspended', V: 'function result', v: 'negotiate',
    }[type] ?? `unknown ${type}`;
  }
}

// Cuts a stream into messages; a listener gets each with type and body.
export class Splitter {
  #rest = Buffer.alloc(0);
  push(chunk, each) {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (this.#rest.length >= 5) {
      const length = this.#rest.readUInt32BE(1) + 1;
      if (this.#rest.length < length) return;
      each({ type: String.fromCharCode(this.#rest[0]), body: this.#rest.subarray(5, length) });
      this.#rest = this.#rest.subarray(length);
    }
  }
}

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

// A client that sends exactly what it is told to.
export class RawClient {
  messages = []; // all that came, in order
  closed = false;
  #waiters = new Set();
  #splitter = new Splitter();
  #raw = null; // collects bytes while the answer is not made of messages (SSLRequest)

  static async connect(target) {
    const client = new RawClient();
    client.socket = net.connect(target);
    client.socket.setNoDelay(true);
    client.socket.on('data', (chunk) => client.#take(chunk));
    client.socket.on('error', () => {});
    client.socket.on('close', () => { client.closed = true; client.#wake(); });
    await new Promise((done, fail) => { client.socket.once('connect', done); client.socket.once('error', fail); });
    return client;
  }

  #take(chunk) {
    if (this.#raw) this.#raw.push(chunk);
    else this.#splitter.push(chunk, (m) => this.messages.push(m));
    this.#wake();
  }

  #wake() { for (const w of [...this.#waiters]) w(); }

  // Resolves when condition() gives something true, with that; fails after ms.
  until(condition, what, ms = 10000) {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        fail(new Error(`waited ${ms} ms for ${what}; came: ${this.messages.map(describe).slice(-12).join(', ') || 'nothing'}${this.closed ? ', closed' : ''}`));
      }, ms);
      const check = () => {
        const result = condition();
        if (!result) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        done(result);
      };
      this.#waiters.add(check);
      check();
    });
  }

  send(...parts) { this.socket.write(Buffer.concat(parts)); }

  // Every part as its own segment, as far as the kernel lets us say so.
  async dribble(data, size = 1, pause = 0) {
    for (let at = 0; at < data.length; at += size) {
      this.socket.write(data.subarray(at, at + size));
      await (pause ? sleep(pause) : new Promise(setImmediate));
    }
  }

  // The single byte that answers SSLRequest or GSSENCRequest.
  async answerByte(request) {
    this.#raw = [];
    this.send(request);
    await this.until(() => this.#raw.length > 0 || this.closed, 'one byte');
    const got = Buffer.concat(this.#raw).toString('latin1');
    this.#raw = null;
    return got;
  }

  // Messages from index `from` up to and with the next one of this type.
  async next(type, from = this.messages.length, ms) {
    const at = await this.until(() => {
      const i = this.messages.findIndex((m, n) => n >= from && m.type === type);
      return i >= 0 ? i + 1 : 0;
    }, `message ${type}`, ms);
    return this.messages.slice(from, at);
  }

  async startup(parameters) {
    this.send(front.startup(parameters));
    return this.next('Z', 0);
  }

  // Sends, and gives the answer up to ReadyForQuery.
  async ask(...parts) {
    const from = this.messages.length;
    this.send(...parts);
    return this.next('Z', from);
  }

  ended(ms) { return this.until(() => this.closed, 'the end of the connection', ms); }

  // What BackendKeyData said.
  key() {
    const { body } = this.messages.find((m) => m.type === 'K');
    return { pid: body.readUInt32BE(0), secret: body.subarray(4) };
  }

  destroy() { this.socket.destroy(); }
}
