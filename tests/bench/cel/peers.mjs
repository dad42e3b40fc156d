// The same conditions and facts as tests/bench/cel_bench.c, by three engines from npm.
//   node peers.mjs [--quick]      one JSON object a line: {"engine", "case", "ns", "true"}: for
//                                 how many of the 64 rows it is true, or {"engine", "case", "error"}
import { celEnv, parse as bufParse, plan } from '@bufbuild/cel'
import { parse as marcParse } from '@marcbachmann/cel-js'
import { evaluate as chromeEvaluate, parse as chromeParse } from 'cel-js'

const quick = process.argv.includes('--quick')
const slices = quick ? 15 : 60
const perSlice = 2000

const cases = {
  simple: 'port == 80',
  'three-conjuncts':
    "sql.kind in ['DELETE', 'UPDATE'] && !sql.has_where && !(subject.name in ['ana', 'bo'])",
  'policy-P':
    "!(request.ip in ['10.0.1.4', '10.0.1.5', '10.0.1.6']) && " +
    "((request.path.startsWith('v1') && request.token in ['v1', 'v2', 'admin']) || " +
    "(request.path.startsWith('v2') && request.token in ['v2', 'admin']) || " +
    "(request.path.startsWith('/admin') && request.token == 'admin'))",
  'exists-1-to-4': "sql.tables.exists(t, t.startsWith('prod.'))",
}

function rows() {
  const kinds = ['SELECT', 'DELETE', 'UPDATE', 'INSERT']
  const users = ['ana', 'carl', 'bo', 'agent-7', 'dora']
  const ips = ['10.0.1.2', '10.0.1.5', '10.0.1.9', '192.168.0.1']
  const paths = ['v1/orders', '/admin/edit', 'v2/a/b', 'x']
  const tokens = ['v1', 'admin', 'v2', 'none', 'v3']
  const out = []
  let random = 12345
  for (let i = 0; i < 64; i++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const r = random >>> 8
    const tables = []
    for (let t = 0; t < 1 + ((r >>> 16) % 4); t++)
      tables.push(t === (r >>> 12) % 6 ? 'prod.orders' : 'stage.customers')
    out.push({
      port: r % 3 ? 5432n : 80n,
      sql: { kind: kinds[r % 4], has_where: Boolean((r >>> 3) & 1), tables },
      subject: { name: users[(r >>> 4) % 5] },
      request: { ip: ips[(r >>> 6) % 4], path: paths[(r >>> 8) % 4], token: tokens[(r >>> 10) % 5] },
    })
  }
  return out
}

const plainNumbers = (facts) => ({ ...facts, port: Number(facts.port) })
const facts = rows()
const numberFacts = facts.map(plainNumbers)

const engines = {
  '@bufbuild/cel': (text) => {
    const env = celEnv()
    const run = plan(env, bufParse(text))
    return (i) => run(facts[i])
  },
  '@marcbachmann/cel-js': (text) => {
    const run = marcParse(text)
    return (i) => run(facts[i])
  },
  'cel-js': (text) => {
    const parsed = chromeParse(text)
    if (!parsed.isSuccess) throw new Error(parsed.errors.join('; '))
    return (i) => chromeEvaluate(parsed.cst, numberFacts[i])
  },
}

function median(values) {
  values.sort((a, b) => a - b)
  return values[Math.floor(values.length / 2)]
}

// An engine that lacks a function of the expression is named with its error, not left out.
function prepare(name, text) {
  const prepared = []
  for (const [engine, make] of Object.entries(engines)) {
    try {
      const run = make(text)
      prepared.push({ engine, run, ns: [], yes: facts.filter((_, i) => run(i) === true).length })
    } catch (error) {
      console.log(JSON.stringify({ engine, case: name, error: error.message }))
    }
  }
  return prepared
}

for (const [name, text] of Object.entries(cases)) {
  const prepared = prepare(name, text)
  for (let s = -2; s < slices; s++) {
    for (const p of prepared) {
      const start = process.hrtime.bigint()
      for (let i = 0; i < perSlice; i++) p.run(i % 64)
      const ns = Number(process.hrtime.bigint() - start) / perSlice
      if (s >= 0) p.ns.push(ns)
    }
  }
  for (const { engine, ns, yes } of prepared)
    console.log(
      JSON.stringify({
        engine,
        case: name,
        ns: +median(ns).toFixed(1),
        true: yes,
      }),
    )
}
