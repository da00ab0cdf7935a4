/**
 * Streams cut at every place and in every order of events that a generator thinks of: what a client has in
 * the end is, byte for byte, the stream that was never cut.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventsIn, openSession, type LegacySession } from '../support/app.ts';
import { createRandom, type Random } from '../support/random.ts';
import { lastEventIdIn, receive, wholeEvents, type Received } from '../support/received.ts';
import { sessionApp } from '../support/session-app.ts';
import { createSpeaker, said, speak, type Speech } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

const TEXTS = ['zwölf', '🐈', 'data: x\n\n', '\u2028'] as const;

type Target = 'POST' | 'GET';
const TARGETS: Target[] = ['POST', 'GET'];

/** A stream, and a call that can send on it. */
interface Scene {
  session: LegacySession;
  speech: Speech;
  received: Received;
  /** Sends on the stream without waiting. */
  send(text: string): void;
  /** Sends the last event of the stream, which ends it where it is that of a call. */
  finish(): void;
}

async function startOn(target: Target, session: LegacySession, next: () => Promise<Speech>): Promise<Scene> {
  const call = receive(await speak(session));
  const speech = await next();
  const received = target === 'POST' ? call : receive(await session.get());
  await settled();
  const send = (text: string) => void (target === 'POST' ? speech.say(text) : speech.tell(text)).catch(() => {});
  const finish = () => (target === 'POST' ? speech.end('end') : send('= end'));
  return { session, speech, received, send, finish };
}

async function setUp(target: Target): Promise<{ start: () => Promise<Scene> }> {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools);
  if (target === 'GET') return { start: async () => startOn(target, await openSession(app), speaker.next) };
  const session = await openSession(app);
  return { start: () => startOn(target, session, speaker.next) };
}

async function resume(session: LegacySession, bytes: Buffer): Promise<Received> {
  const response = await session.get(lastEventIdIn(bytes));
  assert.equal(response.status, 200);
  return receive(response);
}

/** The stream as a client has it that lost nothing after the first event, and one that lost nothing at all. */
async function uncut({ session, received }: Scene): Promise<Buffer> {
  const priming = received.bytes.subarray(0, received.bytes.indexOf('\n\n') + 2);
  const replayed = await resume(session, priming);
  await settled();
  return Buffer.concat([priming, replayed.bytes]);
}

describe('a stream that is cut after each byte position', () => {
  for (const target of TARGETS) {
    test(`of ${target}, over: the rest is what it was`, async () => {
      const scene = await (await setUp(target)).start();
      for (const text of TEXTS) scene.send(text);
      scene.finish();
      await settled();
      const all = scene.received.bytes;
      assert.deepEqual(said(...eventsIn(all.toString())), ['priming', ...TEXTS, '= end']);
      const firstEvent = all.indexOf('\n\n') + 2;
      for (let position = firstEvent; position <= all.length; position += 1) {
        const kept = all.subarray(0, position);
        const resumed = await resume(scene.session, kept);
        await settled();
        assert.ok(Buffer.concat([wholeEvents(kept), resumed.bytes]).equals(all), `position ${position}`);
        assert.equal(resumed.ended, target === 'POST');
      }
    });

    test(`of ${target}, while events are sent: the rest is what it would have been`, async () => {
      const { start } = await setUp(target);
      for (let position = 0; ; position += 1) {
        const scene = await start();
        const firstEvent = scene.received.bytes.length;
        scene.send('日本');
        await settled();
        if (firstEvent + position > scene.received.bytes.length) break;
        const kept = scene.received.bytes.subarray(0, firstEvent + position);
        void scene.received.cancel();
        scene.send('before');
        const resuming = resume(scene.session, kept);
        scene.send('during');
        const resumed = await resuming;
        scene.send('after');
        scene.finish();
        await settled();
        const got = Buffer.concat([wholeEvents(kept), resumed.bytes]);
        const texts = ['priming', '日本', 'before', 'during', 'after', '= end'];
        assert.deepEqual(said(...eventsIn(got.toString())), texts, `position ${position}`);
        assert.ok(got.equals(await uncut(scene)), `position ${position}`);
      }
    });
  }
});

describe('a stream that is cut again and again while bursts of events are sent', () => {
  for (const target of TARGETS) {
    test(`of ${target}: the client has every event once and in order`, async () => {
      for (let seed = 1; seed <= 60; seed += 1) {
        const { start } = await setUp(target);
        try {
          await goThrough(await start(), createRandom(seed));
        } catch (error) {
          if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
          throw error;
        }
      }
    });
  }
});

async function goThrough(scene: Scene, random: Random): Promise<void> {
  const sent: string[] = [];
  let finished = false;
  const burst = () => {
    if (finished) return;
    for (let i = random.int(0, 4); i > 0; i -= 1) {
      const text = random.pick(TEXTS).repeat(random.int(1, 40));
      sent.push(text);
      scene.send(text);
    }
  };
  const finish = () => {
    if (!finished) scene.finish();
    finished = true;
  };
  /** Lets some, all or nothing of what was begun go on. */
  const wait = async () => {
    for (let turns = random.int(0, 30); turns > 0; turns -= 1) await Promise.resolve();
    if (random.next() < 0.3) await settled();
  };

  let got = wholeEvents(scene.received.bytes);
  let from = got.length;
  let { received } = scene;
  const cuts = random.int(1, 8);
  for (let cut = 0; cut < cuts; cut += 1) {
    burst();
    await wait();
    got = Buffer.concat([got, wholeEvents(received.bytes.subarray(from, random.int(from, received.bytes.length)))]);
    // The server may or may not notice before the client is back.
    if (random.next() < 0.6) void received.cancel();
    if (random.next() < 0.5) await wait();
    burst();
    // Impatient clients come twice; the later one has the stream.
    const resuming = Array.from({ length: random.int(1, 2) }, () => resume(scene.session, got));
    burst();
    await wait();
    burst();
    if (cut === cuts - 1 && random.next() < 0.5) finish();
    received = (await Promise.all(resuming)).at(-1) ?? received;
    from = 0;
  }
  burst();
  finish();
  await settled();
  got = Buffer.concat([got, received.bytes.subarray(from)]);
  const events = eventsIn(got.toString());
  assert.deepEqual(said(...events), ['priming', ...sent, '= end']);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  assert.ok(got.equals(await uncut(scene)));
}
