/** The GET stream of a session: which connection has it, and what waits for the next one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSession, readStream, sessionOf } from '../support/app.ts';
import { fixture } from '../support/fixture.ts';
import { openGetStream, readAll, resume, setUp, startCall } from '../support/resuming.ts';
import { sessionApp } from '../support/session-app.ts';
import { said, speak } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

describe('a second GET stream', () => {
  test('takes over from the first, which ends, and each message goes to one of them', async () => {
    const scene = await setUp();
    const { stream: first } = await openGetStream(scene);
    const { speech } = await startCall(scene);
    await speech.tell('a');
    const { stream: second } = await openGetStream(scene);
    await speech.tell('b');
    assert.deepEqual(await readAll(first), ['priming', 'a']);
    await openGetStream(scene);
    assert.deepEqual(await readAll(second), ['priming', 'b']);
  });

  test('resumes one that the server still takes for connected', async () => {
    const scene = await setUp();
    const { stream: first, primed } = await openGetStream(scene);
    const { speech } = await startCall(scene);
    await speech.tell('a');
    const second = await resume(scene.session, primed.id);
    await first.ended();
    await speech.tell('b');
    await openGetStream(scene);
    assert.deepEqual(await readAll(second), ['a', 'b']);
  });
});

describe('what is said while no GET stream is open', () => {
  test('is sent on the next one, in order and once', async () => {
    const scene = await setUp();
    const { speech } = await startCall(scene);
    await speech.tell('a');
    await speech.tell('b');
    const { stream: first } = await openGetStream(scene);
    await speech.tell('c');
    const { stream: second } = await openGetStream(scene);
    assert.deepEqual(await readAll(first), ['a', 'b', 'c']);
    await openGetStream(scene);
    assert.deepEqual(await readAll(second), ['priming']);
  });

  test('is not sent again to a client that resumes', async () => {
    const scene = await setUp();
    const { stream, primed } = await openGetStream(scene);
    const { speech } = await startCall(scene);
    await stream.cancel();
    await settled();
    await speech.tell('a');
    const second = await resume(scene.session, primed.id);
    await openGetStream(scene);
    assert.deepEqual(await readAll(second), ['a']);
  });

  test('is limited: the oldest messages go first', async () => {
    const scene = await setUp();
    const { speech } = await startCall(scene);
    for (let index = 0; index < 1050; index += 1) await speech.tell(String(index));
    const { stream } = await openGetStream(scene);
    await openGetStream(scene);
    const heard = await readAll(stream);
    assert.equal(heard.length, 1000);
    assert.equal(heard.at(-1), '1049');
  });

  test('is kept while the server of the session leaves memory', async () => {
    const { session, another, speaker } = await setUp();
    const onNewNode = sessionOf(another(), session.id);
    const answer = speak(session);
    const speech = await speaker.next();
    await speech.tell('a');
    speech.end('done');
    await answer;
    const stream = readStream(await onNewNode.get());
    assert.deepEqual(said(await stream.next()), ['a']);
    await stream.cancel();
  });

  test('includes requests of oninitialized, which clients answer', async () => {
    const { createServer } = fixture({ one: () => 1 }, ({ server }) => {
      server.oninitialized = () => void server.listRoots().then(({ roots }) => asked.push(roots.length));
    });
    const asked: number[] = [];
    const { app } = sessionApp({}, {}, { createServer });
    const session = await openSession(app, {}, { roots: {} });
    await settled();
    const stream = readStream(await session.get());
    const { message } = await stream.next();
    assert.equal(message?.['method'], 'roots/list');
    await session.post({ jsonrpc: '2.0', id: message?.['id'] as string, result: { roots: [] } });
    await settled();
    assert.deepEqual(asked, [0]);
  });
});
