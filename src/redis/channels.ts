/** Subscriptions to channels: however many listeners a channel has here, this process subscribes to it once. */
import { UnavailableError } from '../lib/unavailable-error.ts';
import type { Connection } from './connection.ts';

/** Who listens to a channel. */
export interface ChannelListener {
  /** Receives each message, in order. Must not throw. */
  onmessage(text: string): void;
  /** Called when messages may have been lost. Must not throw. @default nothing is */
  ongap?(): void;
}

/** The channels that this process listens to. */
export interface Channels {
  /** Resolves when the subscription holds. The returned function ends it. */
  follow(channel: string, listener: ChannelListener): Promise<() => void>;
}

interface Channel {
  listeners: Set<ChannelListener>;
  /** Settles when Redis has confirmed the subscription. */
  subscribed: Promise<void>;
}

/** Takes over the subscriber of a connection. */
export function createChannels({ subscriber, isCluster }: Pick<Connection, 'subscriber' | 'isCluster'>): Channels {
  const channels = new Map<string, Channel>();

  function subscribe(name: string): Promise<void> {
    const subscribed = subscriber.subscribe(name);
    // Whoever follows the channel awaits it too.
    subscribed.catch(() => {});
    return subscribed;
  }

  function leave(name: string, channel: Channel, listener: ChannelListener): void {
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0 || channels.get(name) !== channel) return;
    channels.delete(name);
    // If it fails, the connection is lost, and with it the subscription.
    subscriber.unsubscribe(name).catch(() => {});
  }

  subscriber.onmessage = (name, text) => {
    for (const listener of channels.get(name)?.listeners ?? []) listener.onmessage(text);
  };
  subscriber.onreconnect = () => {
    for (const [name, channel] of channels) {
      // The library's client of a cluster subscribes again by itself.
      if (!isCluster) channel.subscribed = subscribe(name);
      channel.subscribed.then(
        () => channel.listeners.forEach((listener) => listener.ongap?.()),
        () => subscriber.reconnect(),
      );
    }
  };

  return {
    async follow(name, listener) {
      const channel = channels.get(name) ?? { listeners: new Set(), subscribed: subscribe(name) };
      channels.set(name, channel);
      channel.listeners.add(listener);
      try {
        await channel.subscribed;
      } catch (error) {
        leave(name, channel, listener);
        throw new UnavailableError('Redis is unavailable', { cause: error });
      }
      return () => leave(name, channel, listener);
    },
  };
}
