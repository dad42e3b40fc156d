// A PostgreSQL server played from a script: it answers each message of a client with bytes the test
// chose, and remembers every byte that reached it. What "nothing was sent upstream" is judged by.
import net from 'node:net';
import { back, sleep, Splitter } from './pgwire.mjs';

export class FakeServer {
  connections = [];

  // answer(message, connection): bytes, or nothing; called once a message after start-up.
  static async start(answer = standardAnswer) {
    const server = new FakeServer();
    server.answer = answer;
    server.listener = net.createServer((socket) => server.connections.push(new Connection(server, socket)));
    await new Promise((done) => { server.listener.listen(0, '127.0.0.1', done); });
    server.port = server.listener.address().port;
    return server;
  }

  // Everything typed that clients sent after their start-up packets.
  get received() { return this.connections.flatMap((c) => c.received); }
  queries() { return this.received.filter((m) => m.type === 'Q').map((m) => m.body.toString('utf8', 0, m.body.length - 1)); }

  async connection(index = 0, ms = 5000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(5))
      if (this.connections[index]?.parameters) return this.connections[index];
    throw new Error(`no connection ${index} reached the server`);
  }

  async receives(type, count = 1, ms = 5000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(5))
      if (this.received.filter((m) => m.type === type).length >= count) return;
    throw new Error(`the server did not receive ${count} of ${type}; it has ${this.received.map((m) => m.type).join('')}`);
  }

  stop() {
    for (const c of this.connections) c.socket.destroy();
    return new Promise((done) => { this.listener.close(done); });
  }
}

let nextPid = 4000;

class Connection {
  received = [];
  closed = false;
  pid = (nextPid += 1);
  secret = 0x01020304;
  state = 'I';
  #start = Buffer.alloc(0);
  #splitter = new Splitter();

  constructor(server, socket) {
    this.server = server;
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => { this.closed = true; });
  }

  #take(chunk) {
    if (this.parameters) {
      this.#splitter.push(chunk, (m) => this.#one({ type: m.type, body: Buffer.from(m.body) }));
      return;
    }
    this.#start = Buffer.concat([this.#start, chunk]);
    if (this.#start.length < 8 || this.#start.length < this.#start.readUInt32BE(0)) return;
    const length = this.#start.readUInt32BE(0);
    const code = this.#start.readUInt32BE(4);
    const packet = this.#start.subarray(0, length);
    const rest = this.#start.subarray(length);
    if (code === 80877102) {
      this.cancel = { pid: packet.readUInt32BE(8), secret: packet.readUInt32BE(12) };
      this.socket.end();
      return;
    }
    this.startup = packet;
    const words = packet.toString('latin1', 8, packet.length - 2).split('\0');
    this.parameters = Object.fromEntries(words.flatMap((w, i) => (i % 2 ? [] : [[w, words[i + 1]]])));
    this.send(this.server.greeting?.(this) ?? greeting(this));
    if (rest.length) this.#take(rest);
  }

  #one(m) {
    this.received.push(m);
    if (m.type === 'X') { this.socket.end(); return; }
    const bytes = this.server.answer(m, this);
    if (bytes) this.send(bytes);
  }

  send(...parts) { this.socket.write(Buffer.concat(parts)); }
}

export const greeting = (c) => Buffer.concat([
  back.authOk(), back.parameter('server_version', '15.0'), back.parameter('client_encoding', 'UTF8'),
  back.parameter('standard_conforming_strings', 'on'), back.keyData(c.pid, c.secret), back.ready(),
]);

// What the server cannot parse: texts of the tests with `error` in them, and the text that the gateway
// sends so that a refusal fails where a statement would have.
const fails = (text) => /error|refused by countersign/.test(text);

// A server that finds every other statement fine, and after an error ignores up to Sync.
export function standardAnswer(m, c) {
  if (c.skipping) {
    if (m.type !== 'S') return undefined;
    c.skipping = false;
    return back.ready(c.state);
  }
  const text = m.body.toString('utf8');
  switch (m.type) {
    case 'Q': return answerQuery(text.slice(0, -1), c);
    case 'P':
      if (!fails(text)) return back.parseComplete();
      c.skipping = true;
      return back.error('42601', 'syntax error');
    case 'B': return back.bindComplete();
    case 'D': return text[0] === 'S' ? Buffer.concat([back.parameterDescription(), back.noData()]) : back.noData();
    case 'E': return back.complete('DELETE 1');
    case 'C': return back.closeComplete();
    case 'S': return back.ready(c.state);
    case 'F': return Buffer.concat([back.functionResult('1'), back.ready(c.state)]);
    case 'c': return endCopy(c, back.complete('COPY 1'));
    case 'f': return endCopy(c, back.error('57014', 'COPY from stdin failed'));
    default: return undefined;
  }
}

// Outside COPY what belongs to it is ignored.
function endCopy(c, answer) {
  if (!c.copying) return undefined;
  c.copying = false;
  return Buffer.concat([answer, back.ready(c.state)]);
}

function answerQuery(sql, c) {
  const word = sql.trim().split(/\s+/)[0].toUpperCase();
  if (sql.trim() === '') return Buffer.concat([back.emptyQuery(), back.ready(c.state)]);
  if (fails(sql)) {
    if (c.state === 'T') c.state = 'E';
    return Buffer.concat([back.error('42601', 'syntax error'), back.ready(c.state)]);
  }
  if (word === 'BEGIN') c.state = 'T';
  if (word === 'COMMIT' || word === 'ROLLBACK') {
    const tag = c.state === 'E' ? 'ROLLBACK' : word;
    c.state = 'I';
    return Buffer.concat([back.complete(tag), back.ready('I')]);
  }
  if (c.state === 'E') return Buffer.concat([back.error('25P02', 'current transaction is aborted'), back.ready('E')]);
  if (word === 'COPY') {
    c.copying = true;
    return back.copyIn();
  }
  if (word === 'SELECT') return Buffer.concat([back.rowDescription('x'), back.row('1'), back.complete('SELECT 1'), back.ready(c.state)]);
  return Buffer.concat([back.complete(`${word} 1`), back.ready(c.state)]);
}
