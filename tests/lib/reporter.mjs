// Node's test runner, as one TAP line a test: what scripts/test counts. Why a test failed is in
// comment lines below it.
import { relative } from 'node:path';
import { inspect } from 'node:util';

export default async function* report(source) {
  let number = 0;
  for await (const { type, data } of source) {
    if (type === 'test:pass' || type === 'test:fail') {
      const isContainer = data.details?.type === 'suite' || (data.file ?? data.name) === data.name;
      if (isContainer && type === 'test:pass') continue;
      number += 1;
      const not = type === 'test:fail' ? 'not ' : '';
      const skip = data.skip !== undefined || data.todo !== undefined ? ' # SKIP' : '';
      yield `${not}ok ${number} - ${data.name.replaceAll('\n', ' ')}${skip} (${Math.round(data.details.duration_ms)} ms)\n`;
      if (not) yield comment(data.details.error);
    } else if (type === 'test:diagnostic' || type === 'test:stderr' || type === 'test:stdout') {
      const text = (data.message ?? '').trimEnd();
      if (text && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(text))
        yield comment(text);
    }
  }
  yield `1..${number}\n`;
}

function comment(what) {
  const cause = what?.cause ?? what;
  const text = typeof cause === 'string' ? cause : cause?.stack ?? inspect(cause);
  return text.split('\n').map((line) => `# ${line.replace(process.cwd(), relative('', '.') || '.')}\n`).join('');
}
