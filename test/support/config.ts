import assert from 'node:assert/strict';
import { ConfigError, loadConfig } from '../../src/config/config.ts';

/** The message that a wrong environment is refused with. */
export function refusalOf(env: Record<string, string>): string {
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
