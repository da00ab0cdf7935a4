/** Streams that are read, broken and resumed. */
import assert from 'node:assert/strict';
import { eventsIn, openSession, readStream, type LegacySession, type SseEvent, type StreamReader } from './app.ts';
import { sessionApp, type SessionApp } from './session-app.ts';
import { createSpeaker, said, speak, type Speaker, type Speech } from './speaker.ts';

/** A session, and its calls. */
export interface Scene extends SessionApp {
  speaker: Speaker;
  session: LegacySession;
}

/** Opens a session whose calls say what the test tells them to. */
export async function setUp(): Promise<Scene> {
  const speaker = createSpeaker();
  const context = sessionApp(speaker.tools);
  return { ...context, speaker, session: await openSession(context.app) };
}

/** A call whose stream was read up to its priming event. */
export async function startCall({
  session,
  speaker,
}: Scene): Promise<{ stream: StreamReader; speech: Speech; primed: SseEvent }> {
  const stream = readStream(await speak(session));
  const speech = await speaker.next();
  return { stream, speech, primed: await stream.next() };
}

/** A GET stream that was read up to its priming event. */
export async function openGetStream({ session }: Scene): Promise<{ stream: StreamReader; primed: SseEvent }> {
  const stream = readStream(await session.get());
  return { stream, primed: await stream.next() };
}

/** Opens a stream again. */
export async function resume(session: LegacySession, lastEventId = ''): Promise<StreamReader> {
  const response = await session.get(lastEventId);
  assert.equal(response.status, 200);
  return readStream(response);
}

/** What is said in a stream until it ends. */
export async function readAll(stream: StreamReader): Promise<string[]> {
  await stream.ended();
  return said(...eventsIn(stream.text));
}
