/** A conversation with an agent program in which the runner decides when the model asks for `slugify`. */
import type { CallSlugify } from './client.ts';
import type { Script } from './scripted-model.ts';

export interface Conversation {
  /** The model's side: it holds its answer until the next call is wanted. */
  script: Script;
  /** Has the agent call `slugify`; resolves to what the agent tells the model of the outcome. */
  call: CallSlugify;
}

/** Begins one that does not end by itself. */
export function createConversation(): Conversation {
  const calls = createSlots<string>();
  const outcomes = createSlots<string>();
  let made = 0;
  return {
    async script(results) {
      for (const [index, result] of results.entries()) outcomes.at(index).resolve(result);
      return { tool: /slugify$/, args: { text: await calls.at(results.length).promise } };
    },
    call(text) {
      const turn = made;
      made += 1;
      calls.at(turn).resolve(text);
      return outcomes.at(turn).promise;
    },
  };
}

interface Slot<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
}

/** Values by their turn, which may be waited for before they are there. */
function createSlots<T>() {
  const slots: Slot<T>[] = [];
  const createSlot = (): Slot<T> => {
    let resolve: Slot<T>['resolve'] = () => {};
    const promise = new Promise<T>((settle) => (resolve = settle));
    return { promise, resolve };
  };
  return { at: (turn: number) => (slots[turn] ??= createSlot()) };
}
