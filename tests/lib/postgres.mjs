// The real server of the tests: one cluster for all files (scripts/test starts it and names it in
// COUNTERSIGN_TEST_PG; a file run alone starts its own), one database a test file, and the server's
// own log as the only judge of what ran.
import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { ROOT, run, tempDir, until } from './harness.mjs';

const bash = (script, ...args) =>
  execFileSync('bash', ['-c', `. "${ROOT}/scripts/lib.sh"; ${script}`, 'lib', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

export class Postgres {
  static async start({ settings = [], own = false } = {}) {
    const pg = new Postgres();
    pg.dir = process.env.COUNTERSIGN_TEST_PG;
    if (!pg.dir || own) {
      pg.base = tempDir();
      pg.dir = join(pg.base, 'pg');
      bash('pg_start "$1" "${PG_LOG_EVERYTHING[@]}" "${@:2}"', pg.dir, ...settings);
      after(() => pg.stop());
    }
    pg.port = Number(readFileSync(join(pg.dir, 'port'), 'utf8'));
    pg.logStart = statSync(pg.logFile).size; // what other test files did is before it
    pg.database = `test_${process.pid}_${Date.now() % 1e6}`;
    await pg.sql(`CREATE DATABASE ${pg.database}`, 'postgres');
    await pg.sql(`
      CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric);
      INSERT INTO orders SELECT g, 'new', g * 10 FROM generate_series(1, 20) g;
      CREATE TABLE notes (id serial PRIMARY KEY, body text);
      CREATE TABLE secrets (id int, value text);
      GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
      GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
      GRANT CREATE ON SCHEMA public TO PUBLIC;`);
    return pg;
  }

  get logFile() { return join(this.dir, 'log/server.csv'); }
  get upstream() { return { host: '127.0.0.1', port: this.port }; }
  get ca() { return join(this.dir, 'ca.crt'); }
  get certificate() { return { cert: join(this.dir, 'server.crt'), key: join(this.dir, 'server.key') }; }

  stop() { bash('pg_stop "$1"; rm -rf "$2"', this.dir, this.base); }
  restart(mode = 'immediate') { bash('as_pg "$PG_BIN/pg_ctl" -D "$1/data" -m "$2" -w -s -l "$1/server.log" restart', this.dir, mode); }
  shutDown() { bash('as_pg "$PG_BIN/pg_ctl" -D "$1/data" -m immediate -w -s stop', this.dir); }

  // One script straight to the server, past the gateway; gives the rows as psql -At prints them.
  async sql(text, database = this.database) {
    const r = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', this.dir, '-p', String(this.port), '-U', 'postgres', '-d', database], { input: text });
    if (r.status !== 0) throw new Error(`psql: ${r.err}`);
    return r.out.trimEnd();
  }

  count(table = 'orders') { return this.sql(`SELECT count(*) FROM ${table}`).then(Number); }

  // Every statement text the server began to run in this test's database for a client, in order: the gateway asks
  // questions of its own, which can quote a statement (EXPLAIN …), under names that begin with countersign_. The log is
  // written in order by one collector, so once a marker is there all that ran before it is.
  ran() { return this.#logged(/^(?:statement|execute (?!countersign_)[^:]*): ([^]*)$/); }

  // The gateway's own questions, in order.
  asked() { return this.#logged(/^execute countersign_[^:]*: ([^]*)$/); }

  async #logged(pattern) {
    const marker = `marker ${process.hrtime.bigint()}`;
    await this.sql(`SELECT '${marker}'`);
    const rows = await until(() => {
      const all = parseCsv(readFrom(this.logFile, this.logStart));
      return all.some((r) => r[13]?.includes(marker)) && all;
    }, 'the server log');
    return rows.filter((r) => r[2] === this.database)
      .map((r) => pattern.exec(r[13] ?? '')?.[1])
      .filter((text) => text !== undefined && !text.includes(marker));
  }

  // How often statements that contain this text ran.
  async timesRun(text) { return (await this.ran()).filter((s) => s.includes(text)).length; }
}

function readFrom(file, start) {
  const fd = openSync(file);
  try {
    const bytes = Buffer.alloc(Math.max(fstatSync(fd).size - start, 0));
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, start));
  } finally {
    closeSync(fd);
  }
}

function parseCsv(text) {
  const rows = [];
  let row = [];
  let cell = '';
  for (let i = 0, quoted = false; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += c; i += 1; } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',' || c === '\n') {
      row.push(cell);
      cell = '';
      if (c === '\n') { rows.push(row); row = []; }
    } else cell += c;
  }
  return rows;
}
