/**
 * The three tools of TM Dev Lab's second comparison, whose calls ask an HTTP service and Redis (`bench/work-calls.ts` says
 * where they are described). They have no output schema, as there. `BENCH_SERVICE` is the service's origin, and
 * `BENCH_REDIS` the Redis.
 */
import { Redis } from 'ioredis';
import * as z from 'zod';

const service = process.env['BENCH_SERVICE'];
const redis = new Redis(process.env['BENCH_REDIS'], { enableReadyCheck: false });

const ask = async (path, init) => (await fetch(`${service}${path}`, init)).json();
const told = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });

const searchProducts = {
  name: 'search_products',
  title: 'Search products',
  description: 'Search products by category and price, with their place among the most popular ones.',
  shape: {
    category: z.string().default('Electronics'),
    min_price: z.number().default(50),
    max_price: z.number().default(500),
    limit: z.number().default(10),
  },
  call: async ({ category, min_price, max_price, limit }) => {
    const query = new URLSearchParams({ category, min_price, max_price, limit });
    const [found, popular] = await Promise.all([
      ask(`/products/search?${query}`),
      redis.zrevrange('bench:popular', 0, 9),
    ]);
    const ids = popular.map((member) => Number(member.split(':')[1]));
    const rankOf = new Map(ids.map((id, index) => [id, index + 1]));
    const products = found.products.map(({ id, sku, name, price, rating }) => {
      return { id, sku, name, price, rating, popularity_rank: rankOf.get(id) ?? 0 };
    });
    return told({ category, total_found: found.total_found, products, top10_popular_ids: ids, server_type: 'bench' });
  },
};

const getUserCart = {
  name: 'get_user_cart',
  title: 'Get a cart',
  description: 'Get the cart of a user with the latest orders.',
  shape: { user_id: z.string().default('user-00042') },
  call: async ({ user_id }) => {
    const cart = await redis.hgetall(`bench:cart:${user_id}`);
    const items = JSON.parse(cart.items ?? '[]');
    // The answer does not use the product, there or here: it is asked for because the work is.
    const [, history] = await Promise.all([
      ask(`/products/${items[0]?.product_id ?? 1}`),
      redis.lrange(`bench:history:${user_id}`, 0, 4),
    ]);
    return told({
      user_id,
      cart: { items, item_count: items.length, estimated_total: Number(cart.total ?? 0) },
      recent_history: history.map((entry) => JSON.parse(entry)),
      server_type: 'bench',
    });
  },
};

const checkout = {
  name: 'checkout',
  title: 'Check out',
  description: 'Calculate the total of an order, count it, and add it to the history.',
  shape: {
    user_id: z.string().default('user-00042'),
    items: z
      .array(z.object({ product_id: z.number(), quantity: z.number() }))
      .default([{ product_id: 42, quantity: 2 }]),
  },
  call: async ({ user_id, items }) => {
    const now = Date.now();
    const user = Number(user_id.split('-').at(-1)) % 100;
    const order = JSON.stringify({ order_id: `ORD-${user_id}-${now}`, items, ts: Math.floor(now / 1000) });
    const [calculated, count] = await Promise.all([
      ask('/cart/calculate', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user_id, items }),
      }),
      redis.incr(`bench:ratelimit:user-${String(user).padStart(5, '0')}`),
      redis.rpush(`bench:history:${user_id}`, order),
      redis.zincrby('bench:popular', 1, `product:${items[0]?.product_id ?? 1}`),
    ]);
    const { order_id, total } = calculated;
    const answer = { order_id, user_id, total, items_count: items.length, rate_limit_count: count };
    return told({ ...answer, status: 'confirmed', server_type: 'bench' });
  },
};

/** The tools. */
export const workTools = [searchProducts, getUserCart, checkout];
