import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig, settingsTable, unknownSettings, type Config } from '../src/config.ts';

interface Case {
  name: keyof Config;
  fallback: unknown;
  /** Values, and what they become. */
  good: Record<string, unknown>;
  wrong: string[];
  /** What the message says would be right. */
  expected: string;
  /** Set beside the good values, where those alone may not start. */
  env?: Record<string, string>;
}

const INSECURE = { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };

function whole(name: keyof Config, fallback: number, what: string, [min, max]: [number, number]): Case {
  const wrong = ['1.5', '1e3', '0x10', 'ten', '1 2', '99999999999999999999', String(min - 1), String(max + 1)];
  return { name, fallback, good: { [min]: min, [max]: max }, wrong, expected: `${what} from ${min} to ${max}` };
}

const SETTINGS: Record<string, Case> = {
  HOST: {
    name: 'host',
    fallback: '127.0.0.1',
    good: { '::1': '::1', localhost: 'localhost', '0.0.0.0': '0.0.0.0' },
    wrong: ['two words', 'http://localhost', 'localhost/mcp'],
    expected: 'an address or host name to listen on',
    env: INSECURE,
  },
  PORT: whole('port', 3000, 'a port', [0, 65_535]),
  LOG_LEVEL: {
    name: 'logLevel',
    fallback: 'info',
    good: { debug: 'debug', silent: 'silent' },
    wrong: ['verbose', 'INFO'],
    expected: 'one of debug, info, warn, error, silent',
  },
  MCP_PUBLIC_URL: {
    name: 'publicUrl',
    fallback: undefined,
    good: {
      'https://mcp.example.com/mcp': 'https://mcp.example.com/mcp',
      'https://example.com:8443/slugs/mcp': 'https://example.com:8443/slugs/mcp',
    },
    wrong: [
      'mcp.example.com',
      'ftp://mcp.example.com/mcp',
      'https://mcp.example.com',
      'https://mcp.example.com/mcp/',
      'https://mcp.example.com/mcp?a=b',
      'https://mcp.example.com/?/mcp',
      'https://mcp.example.com/#/mcp',
      'https://me:secret@mcp.example.com/mcp',
      'https://mcp example.com/mcp',
      'https:////mcp',
    ],
    expected: 'the URL that clients use, ending in /mcp, such as https://mcp.example.com/mcp',
    env: INSECURE,
  },
  MCP_ALLOWED_HOSTS: {
    name: 'allowedHosts',
    fallback: [],
    good: {
      'example.com': ['example.com'],
      slugs_web_1: ['slugs_web_1'],
      ' a.example , B.example,, ': ['a.example', 'b.example'],
      '[2001:db8::1]': ['[2001:db8::1]'],
    },
    wrong: ['https://example.com', 'example.com:3000', '*.example.com', '*', 'a.example,b example', '2001:db8::1'],
    expected: 'host names without scheme or port, separated by commas',
  },
  MCP_ALLOWED_ORIGINS: {
    name: 'allowedOrigins',
    fallback: [],
    good: {
      'https://app.example.com': ['https://app.example.com'],
      'http://localhost:5173, moz-extension://*': ['http://localhost:5173', 'moz-extension://*'],
      'chrome-extension://abcdefghijklmnop': ['chrome-extension://abcdefghijklmnop'],
    },
    wrong: [
      '*',
      'null',
      'app.example.com',
      'https://app.example.com/',
      'https://App.example.com',
      'https://app.example.com:443',
      'https://*',
      'http://*',
      'https://*.example.com',
      'moz-extension://*/',
      'https://a.example,*',
    ],
    expected: 'origins such as https://app.example.com or vscode-webview://*, separated by commas',
  },
  MCP_SESSIONS: {
    name: 'sessions',
    fallback: 'stateful',
    good: { stateless: 'stateless' },
    wrong: ['none', 'true'],
    expected: 'stateful or stateless',
  },
  MCP_SESSION_IDLE_SECONDS: whole('sessionIdleSeconds', 1800, 'seconds', [1, 31_536_000]),
  MCP_MAX_SESSIONS: whole('maxSessions', 10_000, 'a number', [1, 10_000_000]),
  MCP_MAX_SESSIONS_PER_PRINCIPAL: whole('maxSessionsPerPrincipal', 1000, 'a number', [1, 10_000_000]),
  MCP_KEEP_ALIVE_SECONDS: whole('keepAliveSeconds', 15, 'seconds', [0, 3600]),
  MCP_MAX_BODY_BYTES: whole('maxBodyBytes', 4_194_304, 'bytes', [1024, 1_073_741_824]),
  MCP_DRAIN_SECONDS: whole('drainSeconds', 25, 'seconds', [0, 3600]),
  MCP_INSECURE_ALLOW_UNAUTHENTICATED: {
    name: 'insecureAllowUnauthenticated',
    fallback: false,
    good: { true: true, false: false },
    wrong: ['yes', '1', 'TRUE'],
    expected: 'true or false',
  },
};

/** The message that a wrong environment is refused with. */
function refusalOf(env: Record<string, string>): string {
  let message = '';
  assert.throws(
    () => loadConfig(env),
    (error) => {
      message = error instanceof ConfigError ? error.message : '';
      return message !== '';
    },
  );
  return message;
}

for (const [variable, { name, fallback, good, wrong, expected, env }] of Object.entries(SETTINGS)) {
  test(`${variable} is ${JSON.stringify(fallback)} unless set to something`, () => {
    assert.deepEqual(loadConfig({})[name], fallback);
    assert.deepEqual(loadConfig({ [variable]: ' ' })[name], fallback);
  });

  test(`${variable} takes ${Object.keys(good).join(' and ')}`, () => {
    for (const [value, parsed] of Object.entries(good)) {
      assert.deepEqual(loadConfig({ ...env, [variable]: value })[name], parsed);
    }
  });

  for (const value of wrong) {
    test(`refuses ${variable}=${value} in one line that says what is right`, () => {
      assert.equal(refusalOf({ [variable]: value }), `${variable}=${value} is not valid: it must be ${expected}.`);
    });
  }
}

test('trims values', () => {
  assert.equal(loadConfig({ PORT: ' 8080 ' }).port, 8080);
});

test('names everything that is wrong, a line each', () => {
  const lines = refusalOf({ PORT: 'x', LOG_LEVEL: 'y', HOST: '0.0.0.0' }).split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['PORT=x', 'LOG_LEVEL=y'],
  );
});

test('is frozen, and another each time', () => {
  const config = loadConfig({});
  assert.ok(Object.isFrozen(config));
  assert.notEqual(loadConfig({}), config);
});

const EXPOSED: Record<string, string>[] = [
  ...['0.0.0.0', '::', '[::]', '192.168.1.5', 'mcp.example.com', '127.0.0.1.example.com', '0', '::ffff:127.0.0.1'].map(
    (host) => ({ HOST: host }),
  ),
  ...['https://mcp.example.com/mcp', 'https://localhost.example.com/mcp', 'http://127.example.com/mcp'].map((url) => ({
    MCP_PUBLIC_URL: url,
  })),
];

for (const env of EXPOSED) {
  const [[variable, value] = []] = Object.entries(env);
  test(`refuses ${variable}=${value} without authorization, and says how to start all the same`, () => {
    const message = refusalOf(env);
    assert.ok(message.startsWith(`${variable}=${value} `));
    assert.match(message, /MCP_INSECURE_ALLOW_UNAUTHENTICATED=true/);
    assert.equal(message.split('\n').length, 1);
    assert.doesNotThrow(() => loadConfig({ ...env, ...INSECURE }));
  });
}

for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST']) {
  test(`starts on ${host} without authorization`, () => {
    assert.equal(loadConfig({ HOST: host }).host, host);
    const name = host.includes(':') ? '[::1]' : host;
    assert.doesNotThrow(() => loadConfig({ MCP_PUBLIC_URL: `http://${name}:3000/mcp` }));
  });
}

test('names MCP_ variables that are no settings, and nothing else', () => {
  const env = { MCP_MAX_SESSION: '5', MCP_SESSIONS: 'stateful', PORT: '1', PATH: '/bin', mcp_x: '1' };
  assert.deepEqual(unknownSettings(env), ['MCP_MAX_SESSION']);
});

test('the table has each setting, with a default that loads and a meaning', () => {
  const table = settingsTable();
  assert.deepEqual(
    table.map(({ variable }) => variable),
    Object.keys(SETTINGS),
  );
  assert.deepEqual(loadConfig(Object.fromEntries(table.map((row) => [row.variable, row.fallback]))), loadConfig({}));
  assert.ok(table.every(({ meaning }) => meaning.length > 20));
});
