// The log read from its files by docs/audit-format.md alone: nothing of the product is used, and what is read is checked.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();
const leafHash = (leaf) => sha256(Buffer.from([0]), leaf);

export const journalFiles = (dir) => (existsSync(join(dir, 'journal')) ? readdirSync(join(dir, 'journal')) : [])
  .filter((f) => /^\d{20}$/.test(f)).sort().map((f) => join(dir, 'journal', f));

// Where the frames of a journal file begin.
export function headerLength(bytes) {
  if (bytes.subarray(0, 22).toString() !== 'countersign journal 1\n') throw new Error('this is no journal');
  return 32 + 8 + 4 + 32 * bytes.readUInt32BE(40) + 32;
}

// The whole frames of a file: {at, end, leaf, apart}.
export function frames(bytes) {
  const all = [];
  for (let at = headerLength(bytes); at + 16 <= bytes.length;) {
    const leafEnd = at + 16 + bytes.readUInt32BE(at);
    const end = leafEnd + bytes.readUInt32BE(at + 4);
    const leaf = bytes.subarray(at + 16, leafEnd);
    if (leafEnd === at + 16 || end > bytes.length || !leafHash(leaf).subarray(0, 8).equals(bytes.subarray(at + 8, at + 16))) break;
    all.push({ at, end, leaf, apart: bytes.subarray(leafEnd, end) });
    at = end;
  }
  return all;
}

// Commitment (hex) to content; content that was erased or is sealed is null.
function apartOf(bytes) {
  const all = new Map();
  for (let at = 0; at < bytes.length;) {
    const [form, length] = [bytes[at], bytes.readUInt32BE(at + 4)];
    const commitment = bytes.subarray(at + 8, at + 40);
    const salted = bytes.subarray(at + 40, at + 56 + length);
    if (form === 1 && !sha256(salted).equals(commitment)) throw new Error('content is not what was committed to');
    all.set(commitment.toString('hex'), form === 1 ? JSON.parse(salted.subarray(16).toString()) : null);
    at += 56 + length;
  }
  return all;
}

function putBack(data, apart) {
  const back = (value) => (value?.$blob !== undefined && apart.has(value.$blob) ? apart.get(value.$blob) : value);
  if (data.$data !== undefined) return back(data.$data);
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, back(value)]));
}

// Every record, in order: {seq, time, kind, data, v}. A file's records end where the next file's begin.
export function readLog(dir) {
  const files = journalFiles(dir);
  const firsts = files.map((f) => Number(f.slice(-20)));
  return files.flatMap((file, i) => frames(readFileSync(file)).slice(0, (firsts[i + 1] ?? Infinity) - firsts[i])
    .map(({ leaf, apart }) => {
      const record = JSON.parse(leaf.toString());
      return { ...record, data: putBack(record.data, apartOf(apart)) };
    }));
}

// The leaves themselves, as text.
export const readLeaves = (dir) => {
  const files = journalFiles(dir);
  const firsts = files.map((f) => Number(f.slice(-20)));
  return files.flatMap((file, i) => frames(readFileSync(file)).slice(0, (firsts[i + 1] ?? Infinity) - firsts[i]).map((f) => f.leaf.toString()));
};
