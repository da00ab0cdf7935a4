/**
 * The HTTP service behind the tools of the run `work`: 100,000 products, made by the same rules as in the comparison that
 * it is rebuilt from. Theirs is written in Go, and sorts what it finds for each request; here the products are sorted at
 * the start, so that the service stays out of the measurement.
 */
import { createServer } from 'node:http';

const PRODUCTS = 100_000;
const CATEGORIES = 20;
const cents = (amount) => Math.round(amount * 100) / 100;

const products = Array.from({ length: PRODUCTS }, (_, index) => {
  const category = index % CATEGORIES === 0 ? 'Electronics' : `Category ${index % CATEGORIES}`;
  const brand = `Brand ${(index % 50) + 1}`;
  const sku = `SKU-${String(index + 1).padStart(6, '0')}`;
  return {
    id: index + 1,
    sku,
    name: `${brand} ${category} Item ${index + 1}`,
    category,
    brand,
    price: 1 + (index % 99_900) / 100,
    stock: index % 501,
    rating: 1 + (index % 40) / 10,
    tags: ['sale', 'new', 'featured', 'popular'].slice(0, 2 + (index % 3)),
    weight: cents((1 + (index % 100)) * 0.1),
    description: `Quality ${category} by ${brand}. ${sku}.`,
  };
});
const byCategory = new Map();
for (const product of products) {
  const known = byCategory.get(product.category);
  if (known) known.push(product);
  else byCategory.set(product.category, [product]);
}
for (const list of byCategory.values()) list.sort((a, b) => a.price - b.price);

function search(query) {
  const category = query.get('category') ?? 'Electronics';
  const [min, max, limit] = ['min_price', 'max_price', 'limit'].map((name) => Number(query.get(name)));
  const found = (byCategory.get(category) ?? []).filter(({ price }) => price >= min && price <= max);
  return { category, total_found: found.length, products: found.slice(0, limit) };
}

function calculate({ user_id, items }) {
  const prices = items.map(({ product_id, quantity }) => (products[product_id - 1]?.price ?? 0) * quantity);
  const subtotal = cents(prices.reduce((sum, price) => sum + price, 0));
  const tax = cents(subtotal * 0.085);
  const isLarge = subtotal >= 100;
  const shipping = isLarge ? 0 : 5.99;
  const discount = isLarge ? cents(subtotal * 0.1) : 0;
  const total = cents(subtotal + tax + shipping - discount);
  return { order_id: `ORD-${user_id}-${items.length}`, user_id, subtotal, tax, shipping, discount, total };
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let answer;
  if (pathname === '/products/search') answer = search(searchParams);
  else if (pathname === '/cart/calculate') answer = calculate(JSON.parse(Buffer.concat(chunks).toString()));
  else answer = products[Number(pathname.replace('/products/', '')) - 1];
  const body = Buffer.from(JSON.stringify(answer ?? null));
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
});
// Connections of the tools must not be closed between two calls.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
// The service must not outlive the bench, however that ends.
process.once('disconnect', () => process.exit());
