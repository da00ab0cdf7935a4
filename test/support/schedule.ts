/** Machines that share nothing but an engine, and the order of everything they wait for, which a seed chooses. */
import type { Clock } from '../../src/lib/clock.ts';
import type { ManualClock } from './clock.ts';
import type { Random } from './random.ts';

/** How long a machine that sends no heartbeat counts as running, in milliseconds. */
export const HEARTBEAT_MS = 15_000;

/** What one node runs on. */
export interface Machine {
  readonly name: string;
  /** A machine that is paused goes on later, as after SIGSTOP and SIGCONT. One that is dead never does. */
  state: 'running' | 'paused' | 'dead';
  /** Whether it reaches the engine. */
  isConnected: boolean;
  /** When it last sent a heartbeat, if it sends none any more. */
  silentSince: number | undefined;
  /** How many of its timers are pending. */
  timers: number;
}

/** A machine that has just started. */
export function createMachine(name: string): Machine {
  return { name, state: 'running', isConnected: true, silentSince: undefined, timers: 0 };
}

/** Something that a machine waits for, or that waits for a machine. */
export interface Task {
  machine: Machine;
  /** Tasks of one channel run in the order they were added. @default any order */
  channel?: string | undefined;
  /** Whether it is on its way to the engine, so that it happens whatever becomes of its machine. */
  isSent?: boolean;
  /** Whether it can be on its way to the engine. @default it happens on the machine */
  isCommand?: boolean;
  /** Whether it waits until its machine reaches the engine. */
  needsEngine?: boolean;
  run: () => void | Promise<void>;
}

/** Runs tasks one at a time, each until nothing is left to do but wait for another. */
export class Schedule {
  readonly #random: Random;
  #tasks: Task[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  add(task: Task): void {
    if (task.machine.state !== 'dead') this.#tasks.push(task);
  }

  /** Adds a task that is the next of its channel. */
  addNext(task: Task): void {
    this.#tasks.unshift(task);
  }

  /** Resolves when a machine has got around to something. */
  turnOf(machine: Machine): Promise<void> {
    return new Promise((resolve) => this.add({ machine, run: resolve }));
  }

  /** Runs one of the tasks that can run; resolves to `false` if there is none. */
  async step(): Promise<boolean> {
    const runnable = this.#runnable();
    if (runnable.length === 0) return false;
    const task = this.#random.pick(runnable);
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
    await task.run();
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Runs tasks until none is left that can run. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; idle += 1) {
      while (await this.step()) idle = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Some of the commands of a machine that stops working are on their way already. */
  cutOff(machine: Machine): void {
    const cut = new Set<string | undefined>();
    for (const task of this.#tasks) {
      if (task.machine !== machine || !task.isCommand || cut.has(task.channel)) continue;
      if (this.#random.next() < 0.5) task.isSent = true;
      else cut.add(task.channel);
    }
    if (machine.state === 'dead') this.#tasks = this.#tasks.filter((task) => task.machine !== machine || task.isSent);
  }

  #runnable(): Task[] {
    const blocked = new Set<string>();
    return this.#tasks.filter((task) => {
      const { machine, channel } = task;
      const isFirst = channel === undefined || !blocked.has(channel);
      if (channel !== undefined) blocked.add(channel);
      const canRun = machine.state === 'running' ? machine.isConnected || !task.needsEngine : task.isSent;
      return isFirst && canRun;
    });
  }
}

/** The clock of a machine: what falls due while the machine is paused happens afterwards, once. */
export function createMachineClock(clock: ManualClock, schedule: Schedule, machine: Machine): Clock {
  function add(milliseconds: number, callback: () => void, isRepeated: boolean): () => void {
    let isOver = false;
    let isDue = false;
    let cancel: (() => void) | undefined;
    machine.timers += 1;
    const end = () => {
      if (!isOver) machine.timers -= 1;
      isOver = true;
      cancel?.();
    };
    const run = () => {
      isDue = false;
      if (isOver) return;
      if (!isRepeated || milliseconds === 0) end();
      callback();
    };
    const due = () => {
      if (isDue || isOver) return;
      isDue = true;
      schedule.add({ machine, run });
    };
    if (milliseconds === 0) due();
    else cancel = clock[isRepeated ? 'every' : 'after'](milliseconds, due);
    return end;
  }
  return {
    now: () => clock.now(),
    every: (milliseconds, callback) => add(milliseconds, callback, true),
    after: (milliseconds, callback) => add(milliseconds, callback, false),
  };
}
